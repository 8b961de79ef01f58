"""What the writer of a layer tells its reader about the model."""

from dataclasses import dataclass

import numpy as np

from lightexp.errors import ArtifactError

LEVELS = 7
LONGEST_LINE = 64


@dataclass(frozen=True)
class Options:
    """rows, columns: how firmly the factors of the model of positions hold, 4ʳ ones (r = 0 … 6; at 6 hardly a factor moves).
    follow: whether the columns begin as dense as the rows of the layer before, whose outputs they read. line: the length of a
    line of the columns (see `Lattice`), 0 for none.
    """

    rows: int = 0
    columns: int = 0
    follow: bool = False
    line: int = 0

    def number(self) -> int:
        """All in one, small if there is no line."""
        return ((self.line * 2 + self.follow) * LEVELS + self.columns) * LEVELS + self.rows

    @classmethod
    def read(cls, number: int, columns: int, before: np.ndarray | None) -> "Options":
        """From the number, for a layer of so many columns behind one with these factors of its rows.

        Raises:
            ArtifactError: no writer would have chosen these.
        """
        (rest, rows), (line, follow) = divmod(number, LEVELS), divmod(number // LEVELS**2, 2)
        follows = not follow or (before is not None and columns % len(before) == 0)
        if not follows or line > LONGEST_LINE or 4 * line > columns:
            raise ArtifactError("the options of a layer make no sense")
        return cls(rows, rest % LEVELS, bool(follow), line)
