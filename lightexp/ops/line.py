"""Sorted numbers and their sums."""

from functools import cached_property

import numpy as np

from lightexp.ops.sort import ascending

_BLOCK = 8


def halfway(centroids: np.ndarray, dtype: np.dtype) -> np.ndarray:
    """The borders between ascending centroids, rounded down to `dtype`, so that v ≤ border says the same of its numbers.

    Against wider borders numpy would widen all the numbers.
    """
    borders = (centroids[1:] + centroids[:-1]) / 2
    near = borders.astype(dtype)
    return np.where(near > borders, np.nextafter(near, -np.inf, dtype=near.dtype), near)


class Line:
    """Numbers in ascending order, in their own precision, and the sums of any range of them in the time of a block.

    Running sums are kept for every 8th number only, so that a hundred million of them take little more than they do.

    values: float32 or float64 (others become float64), 1-D, ascending.
    """

    def __init__(self, values: np.ndarray) -> None:
        values = np.asarray(values).reshape(-1)
        self.values = ascending(values if values.dtype in (np.float32, np.float64) else values.astype(np.float64))

    def distinct(self, most: int) -> np.ndarray | None:
        """The distinct numbers, float64, if there are no more than `most`."""
        jumps = self.values[1:] != self.values[:-1]
        if np.count_nonzero(jumps) >= most:
            return None
        return np.concatenate([self.values[:1], self.values[1:][jumps]]).astype(np.float64)

    def edges(self, centroids: np.ndarray) -> np.ndarray:
        """Where the numbers nearest to each ascending centroid begin, and n: a tie goes to the lower centroid."""
        edges = np.empty(len(centroids) + 1, np.int64)
        edges[0], edges[-1] = 0, len(self.values)
        edges[1:-1] = np.searchsorted(self.values, halfway(centroids, self.values.dtype), side="right")
        return edges

    def means(self, edges: np.ndarray) -> np.ndarray:
        """The mean of each range between ascending edges, float64, none of them empty."""
        means = np.diff(self.sums(edges)) / np.diff(edges)
        # Sums of numbers far smaller than those before them are lost to rounding, but no mean lies outside its range.
        return np.clip(means, self.values[edges[:-1]], self.values[edges[1:] - 1])

    def sums(self, ends: np.ndarray) -> np.ndarray:
        """Σ v over the first `ends` numbers for each end, float64."""
        rest, inside = self._rest(ends)
        return self._running[ends // _BLOCK] + np.einsum("ij,ij->i", rest, inside)

    def squares(self, ends: np.ndarray) -> np.ndarray:
        """Σ v², as `sums`."""
        rest, inside = self._rest(ends)
        return self._running_squares[ends // _BLOCK] + np.einsum("ij,ij,ij->i", rest, rest, inside)

    def _rest(self, ends: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        index = (ends // _BLOCK)[:, None] * _BLOCK + np.arange(_BLOCK)
        return self.values.take(index, mode="clip").astype(np.float64), index < ends[:, None]

    @cached_property
    def _running(self) -> np.ndarray:
        return _running(self._blocks.sum(axis=1, dtype=np.float64))

    @cached_property
    def _running_squares(self) -> np.ndarray:
        return _running(np.einsum("ij,ij->i", self._blocks, self._blocks, dtype=np.float64))

    @property
    def _blocks(self) -> np.ndarray:
        whole = len(self.values) // _BLOCK
        return self.values[: whole * _BLOCK].reshape(whole, _BLOCK)


def _running(parts: np.ndarray) -> np.ndarray:
    running = np.zeros(len(parts) + 1)
    np.cumsum(parts, out=running[1:])
    return running
