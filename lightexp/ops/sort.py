"""Sorting numbers."""

import numpy as np

_CELLS = 65536
_MOST = 4_000_000
"""Beyond it the memory of the radix sort, 8 bytes a number on top, is worth more than its time."""


def ascending(values: np.ndarray) -> np.ndarray:
    """A sorted copy of 1-D floats, as np.sort gives it; about twice as fast for a million, which is most of a k-means.

    A radix sort of 16-bit cells, which are narrow where numbers are dense, puts each number less than a cell's count from its
    place. Then short rows, and the same shifted by half a row, are sorted in the processor's vectors: a cell lies whole in one
    or the other.
    """
    if not _CELLS <= len(values) <= _MOST:
        return np.sort(values)
    sample = values[:: len(values) // 1024]
    offset = values - sample.mean(dtype=values.dtype)
    spread = np.abs(sample - sample.mean(dtype=values.dtype)).mean(dtype=values.dtype)
    with np.errstate(all="ignore"):
        cells = ((offset / (spread + np.abs(offset)) + 1) * (_CELLS / 2 - 1)).astype(np.uint16)
    half = 1 << int(np.bincount(cells, minlength=_CELLS).max()).bit_length()
    if half > 1024:
        return np.sort(values)
    ordered = values[np.argsort(cells, kind="stable")]
    for begin in (0, half):
        whole = begin + (len(values) - begin) // (2 * half) * (2 * half)
        ordered[begin:whole].reshape(-1, 2 * half).sort(axis=1)
        ordered[whole:].sort()
    # Rounding may put the ends of neighbouring cells the wrong way round.
    return ordered if (ordered[1:] >= ordered[:-1]).all() else np.sort(values)
