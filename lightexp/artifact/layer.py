"""A coded weight, as the file describes it."""

from dataclasses import dataclass

import numpy as np

from lightexp.artifact.alphabet import Alphabet


@dataclass(frozen=True)
class Layer:
    """A coded weight: its name and shape, and what its numbers are.

    kind: "sparse" (raw float32 values), "lookup" (codes into a table) or "steps" (integers times steps). bits: nominal, a
    weight. table: which of the file's tables. nonzero: of its numbers. alphabet: what these can be.
    """

    name: str
    shape: tuple[int, ...]
    kind: str
    bits: float
    table: int
    nonzero: int
    alphabet: Alphabet

    @property
    def size(self) -> int:
        return int(np.prod(self.shape, dtype=object))

    @property
    def matrix(self) -> tuple[int, int]:
        """Rows (outputs) and columns (inputs, and places in the kernel) of the weight as a matrix."""
        return self.shape[0], self.size // self.shape[0]
