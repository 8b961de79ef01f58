"""Uniformly quantized weights: integers times a step."""

import torch
from torch import Tensor, nn

from lightexp.ops.uniform import to_integers
from lightexp.reparam.code import WeightCode


class Scaled(nn.Module):
    """w = Δ · clamp(round(v / Δ), lowest, highest), whose gradient goes straight through to v (Jacob et al. 2018).

    step, lowest, highest: float32, one for the whole weight (shape 1) or one a row (shape rows of the weight), with
    lowest ≤ 0 ≤ highest; without a range it is ±(2^(b−1) − 1). bits: b, nominal.
    """

    of_rows = ("step", "lowest", "highest")

    def __init__(self, step: Tensor, bits: int, lowest: Tensor | None = None, highest: Tensor | None = None) -> None:
        super().__init__()
        largest = torch.full_like(step, 2 ** (bits - 1) - 1)
        self.register_buffer("step", step)
        self.register_buffer("lowest", -largest if lowest is None else lowest)
        self.register_buffer("highest", largest if highest is None else highest)
        self.bits = bits

    def _integers(self, weight: Tensor) -> tuple[Tensor, Tensor]:
        step, lowest, highest = (
            tensor.reshape(-1, *[1] * (weight.dim() - 1)) for tensor in (self.step, self.lowest, self.highest)
        )
        return to_integers(weight, step, highest, lowest), step

    def forward(self, weight: Tensor) -> Tensor:
        return _Rounded.apply(weight, *self._integers(weight.detach()))

    def code(self, weight: Tensor) -> WeightCode:
        integers, _ = self._integers(weight.detach())
        return WeightCode(integers.int(), self.step, is_lookup=False, bits=self.bits)


class _Rounded(torch.autograd.Function):
    """One pass forward and none back, where adding and taking away a surrogate takes several of each."""

    @staticmethod
    def forward(ctx, weight: Tensor, integers: Tensor, step: Tensor) -> Tensor:
        # −0 becomes 0, as it is read from the file.
        return (integers * step).add_(0.0)

    @staticmethod
    def backward(ctx, grad: Tensor):
        return grad, None, None
