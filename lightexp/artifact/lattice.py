"""In which order the weights of a matrix are coded, and which of their neighbours are known by then."""

from collections.abc import Iterator

import numpy as np

PASSES = ((0, 4), (2, 4), (1, 2))
"""First column and step of the three passes over a line: a weight of the last knows both its neighbours, as in interlaced
pictures; one of the other two knows those two columns away, or will be known by them."""
NEAR = (2, 2, 1)
"""How far the neighbours of each pass stand."""


class Lattice:
    """The columns as lines of equal length, like those of a picture, and what is known of the weights so far.

    The first layer of a net that looks at pictures has a column for each pixel, and where a weight survived, so did those of
    the pixels around it, mostly with the same sign. Here columns come first and rows second, for it is the rows that are
    looked at side by side. line: pixels a line.
    """

    def __init__(self, columns: int, rows: int, line: int) -> None:
        self.columns, self.line = columns, line
        self._margin = line + 2
        self._known = np.zeros((columns + 2 * self._margin, rows), np.int8)

    def parts(self) -> Iterator[tuple[int, slice]]:
        """The number of the pass and the columns of each part of each line, in their order."""
        for start in range(0, self.columns, self.line):
            end = min(self.columns, start + self.line)
            yield from ((turn, slice(start + at, end, step)) for turn, (at, step) in enumerate(PASSES) if start + at < end)

    def known(self, part: slice, rows: slice, by: int = 0) -> np.ndarray:
        """What is known of the columns that stand so far behind those of a part; 0 where nothing is yet. May be written to."""
        move = self._margin + by
        return self._known[part.start + move : part.stop + move : part.step, rows]

    def around(self, turn: int, part: slice, rows: slice) -> tuple[np.ndarray, ...]:
        """What stands left, right, above, above to the left and above to the right."""
        near, line = NEAR[turn], self.line
        return tuple(self.known(part, rows, by) for by in (-near, near, -line, -line - 1, 1 - line))


def blocks(count: int, first: int) -> Iterator[slice]:
    """0 … count in blocks, each twice as large as the one before."""
    start = 0
    while start < count:
        yield slice(start, min(count, start + first))
        start, first = start + first, 2 * first
