"""The contract of a calibration."""

from abc import ABC, abstractmethod

import torch
from torch import Tensor

from lightexp.ops.uniform import Grid, grid


class Calibration(ABC):
    """Chooses the range of values that a uniform grid covers; what lies outside is clipped to its ends.

    It serves weights (a row for each step) and activations (one row of samples) alike. Call `symmetric` or `affine`.
    """

    @abstractmethod
    def __call__(self, values: Tensor, steps: int) -> tuple[Tensor, Tensor]:
        """low ≤ 0 ≤ high per row, each R×1, for values R×N (float32, finite) that get steps + 1 equally spaced levels."""

    def symmetric(self, values: Tensor, bits: int) -> Grid:
        """Integers ±(2^(b−1) − 1), b ≥ 2. The sign costs no range, so it is the range of |v| that is chosen."""
        largest = 2 ** (bits - 1) - 1
        low, high = self(values.abs(), largest)
        step, _, highest = grid(torch.zeros_like(low), high, largest)
        return Grid(step, -highest, highest)

    def affine(self, values: Tensor, bits: int) -> Grid:
        """2^b integers in a row, 0 among them; 0 … 2^b − 1 where no value is negative."""
        steps = 2**bits - 1
        return grid(*self(values, steps), steps)
