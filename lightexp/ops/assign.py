"""The nearest centroid of each number."""

import numpy as np

from lightexp.ops.line import halfway

_CELLS = 65536


def assign(values: np.ndarray, centroids: np.ndarray) -> np.ndarray:
    """Index of the nearest of the ascending `centroids` for each value, the lower one at a tie; int64 of the values' shape.

    Many values are looked up in a table of equal cells and then compared with the borders in their cell, several times as fast
    as a binary search. Rounding does not harm it: a value in a later cell than a border is greater than it.
    """
    borders = halfway(centroids, values.dtype)
    width = (borders[-1] - borders[0]) / _CELLS if len(borders) else 0
    if values.size < _CELLS or width < np.finfo(values.dtype).tiny:
        return np.searchsorted(borders, values, side="left")

    def cell(numbers: np.ndarray) -> np.ndarray:
        with np.errstate(over="ignore"):
            return np.clip((numbers - borders[0]) / width, -1, _CELLS + 1).astype(np.int32)

    below = np.searchsorted(cell(borders), np.arange(-1, _CELLS + 2))
    if np.diff(below).max() > 8:
        return np.searchsorted(borders, values, side="left")
    codes = below[cell(values) + 1]
    ends = np.append(borders, np.inf).astype(values.dtype)
    while (more := values > ends[codes]).any():
        codes += more
    return codes
