"""Factors that make a weight's survival more or less likely, learned from the weights that were coded before."""

import numpy as np

UNIT = 2.0**20
_MOST = 2.0**40


def units(chances: np.ndarray) -> np.ndarray:
    """Probabilities as integers, in units of 2⁻²⁰: their sum is the same in whatever order a machine takes it."""
    return np.rint(chances * UNIT).astype(np.int64)


class Odds:
    """The odds of a one, a factor for each row, column or context.

    Each follows the ratio of ones found to ones expected, as the mean of a Gamma posterior does, and that of zeros likewise:
    odds ← odds · (a + found) / (a + expected), where a grows by all that is found. Only sums of integers and elementwise
    + − · / are used, which IEEE 754 fixes to the last bit, so a reader on any machine computes the very same odds.

    strength: what a begins with; the larger, the longer a factor stays where it is.
    """

    def __init__(self, count: int, strength: float) -> None:
        self.factor = np.ones(count)
        self._ones, self._zeros = np.full(count, strength), np.full(count, strength)

    def learn(self, at: slice, ones: np.ndarray, expected: np.ndarray, total: np.ndarray | int) -> None:
        """Take in how many of `total` were ones, and how many were expected with the factors as they were."""
        seen, gone = self._ones[at], self._zeros[at]
        change = (seen + ones) / (seen + expected) * ((gone + (total - expected)) / (gone + (total - ones)))
        self.factor[at] = np.clip(self.factor[at] * change, 1 / _MOST, _MOST)
        self._ones[at], self._zeros[at] = seen + ones, gone + (total - ones)
