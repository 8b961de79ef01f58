"""Uniform quantization: integers times a step."""

from typing import NamedTuple

import torch
from torch import Tensor


class Grid(NamedTuple):
    """Per row of values the step Δ and the integers lowest ≤ 0 ≤ highest it is multiplied with; all float32, R×1."""

    step: Tensor
    lowest: Tensor
    highest: Tensor

    def integers(self, values: Tensor) -> Tensor:
        return to_integers(values, self.step, self.highest, self.lowest)

    def nearest(self, values: Tensor) -> Tensor:
        return self.integers(values) * self.step


def grid(low: Tensor, high: Tensor, steps: int) -> Grid:
    """`steps` equal steps from about `low` to about `high`, shifted so that an integer falls on exact 0 (Jacob et al. 2018).

    Δ = (high − low) / steps, lowest = round(low / Δ), highest = lowest + steps.

    Args:
        low, high: R×1 with low ≤ 0 ≤ high; Δ is 1 where both are 0.
    """
    width = high - low
    step = torch.where(width > 0, (width / steps).clamp_min(torch.finfo(width.dtype).tiny), 1)
    lowest = torch.round(low / step).clamp(-steps, 0) + 0.0
    return Grid(step, lowest, lowest + steps)


def to_integers(values: Tensor, step: Tensor, highest: Tensor | float, lowest: Tensor | float | None = None) -> Tensor:
    """q = clamp(round(v / Δ), lowest, highest), as floats that hold integers; exact zeros stay 0. `lowest` None is −highest."""
    # In place, for a large layer's sake.
    return (values / step).round_().clamp_(-highest if lowest is None else lowest, highest)
