"""Rounding to a grid whose step is trained."""

import math

import torch
from torch import Tensor

from lightexp.ops.gradients import scale_gradient, straight_through


def round_to_learned_step(values: Tensor, step: Tensor, lowest: int, highest: int, served: int) -> Tensor:
    """Δ · round(clamp(v / Δ, lowest, highest)), whose gradient for Δ is round(v/Δ) − v/Δ inside the range and the level at its ends.

    The gradient of a step that serves n values is divided by √(n · highest), as it would outgrow theirs (Esser et al. 2020).

    served: n; of activations, those of one sample, so that the gradient is the same however a batch is shared out.
    """
    step = scale_gradient(step, 1 / math.sqrt(served * highest)).clamp_min(torch.finfo(step.dtype).tiny)
    ratio = (values / step).clamp(lowest, highest)
    return straight_through(torch.round(ratio.detach()), ratio) * step
