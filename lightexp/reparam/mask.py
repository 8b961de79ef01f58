"""Pruned weights, held at 0."""

import torch
from torch import Tensor, nn

from lightexp.ops.gradients import straight_through


class Mask(nn.Module):
    """w = m ? v : 0, which no momentum and no decay can undo, since the optimizer only ever moves v.

    While `open`, the gradient passes to pruned weights too, as if they stood, so that they can grow back before the mask is
    cut anew (dynamic network surgery, Guo et al. 2016). Closed, they get none.
    """

    def __init__(self, mask: Tensor) -> None:
        super().__init__()
        self.register_buffer("mask", mask)
        self.open = False

    def forward(self, weight: Tensor) -> Tensor:
        # where, not a product: nan * 0 is nan.
        kept = torch.where(self.mask, weight, 0)
        return straight_through(kept, weight) if self.open else kept
