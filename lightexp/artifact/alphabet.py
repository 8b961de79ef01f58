"""What the non-zero weights of a layer can be, as indices 0 … K−1 that ascend with the weight."""

from abc import ABC, abstractmethod
from typing import ClassVar

import numpy as np

MOST_HIGHS = 2**9
"""Indices that a model tells apart. Of those of a larger alphabet it sees the high part; the low bits are as good as random."""


class Alphabet(ABC):
    """size: K. negatives: how many of them stand for weights below 0. dtype: of the numbers."""

    dtype: ClassVar[type] = np.int32

    def __init__(self, size: int, negatives: int) -> None:
        self.size, self.negatives = size, negatives

    @property
    @abstractmethod
    def bounds(self) -> tuple[int, int]:
        """The least and the greatest number that a code can be, 0 among those between."""

    @property
    def low_bits(self) -> int:
        return max(0, (self.size - 1).bit_length() - (MOST_HIGHS - 1).bit_length())

    @property
    def highs(self) -> int:
        """How many high parts there are."""
        return ((self.size - 1) >> self.low_bits) + 1

    def loudness(self) -> np.ndarray:
        """For each high part how large its weights are beside the largest, with their sign: int8, −4 … 4, never 0."""
        at, zero = np.arange(self.highs), self.negatives >> self.low_bits
        rank = at - zero + (at >= zero)
        return (np.sign(rank) * np.maximum(1, 4 * np.abs(rank) // max(zero, self.highs - zero))).astype(np.int8)

    @abstractmethod
    def marks(self, numbers: np.ndarray) -> np.ndarray:
        """Which of the numbers are not 0."""

    @abstractmethod
    def indices(self, numbers: np.ndarray) -> np.ndarray:
        """int64, of numbers that are not 0."""

    @abstractmethod
    def numbers(self, indices: np.ndarray) -> np.ndarray:
        """The numbers of these indices: int32 codes, or float32."""


class Steps(Alphabet):
    """Integers −m … m without 0, and K = 2m."""

    def __init__(self, largest: int) -> None:
        super().__init__(2 * largest, largest)

    @property
    def bounds(self) -> tuple[int, int]:
        return -self.negatives, self.negatives

    def marks(self, numbers: np.ndarray) -> np.ndarray:
        return numbers != 0

    def indices(self, numbers: np.ndarray) -> np.ndarray:
        return numbers + np.int64(self.negatives) - (numbers > 0)

    def numbers(self, indices: np.ndarray) -> np.ndarray:
        return (indices - self.negatives + (indices >= self.negatives)).astype(np.int32)


class Lookups(Alphabet):
    """Codes 1 … K of a table, in the order of what stands there."""

    def __init__(self, table: np.ndarray) -> None:
        super().__init__(len(table), int((table < 0).sum()))
        self._codes = np.argsort(table, kind="stable") + 1

    @property
    def bounds(self) -> tuple[int, int]:
        return 0, self.size

    def marks(self, numbers: np.ndarray) -> np.ndarray:
        return numbers != 0

    def indices(self, numbers: np.ndarray) -> np.ndarray:
        return np.argsort(self._codes)[numbers - 1]

    def numbers(self, indices: np.ndarray) -> np.ndarray:
        return self._codes[indices].astype(np.int32)


class Floats(Alphabet):
    """All float32 but +0: sign and exponent are the high part. A negative zero is no zero, for its sign is kept."""

    dtype = np.float32

    def __init__(self) -> None:
        super().__init__(2**32, 2**31)

    @property
    def bounds(self) -> tuple[int, int]:
        raise TypeError("floats are no codes")

    def marks(self, numbers: np.ndarray) -> np.ndarray:
        return numbers.view(np.uint32) != 0

    def indices(self, numbers: np.ndarray) -> np.ndarray:
        word = numbers.view(np.uint32)
        return np.where(word >> 31, ~word, word | np.uint32(2**31)).astype(np.int64)

    def numbers(self, indices: np.ndarray) -> np.ndarray:
        word = indices.astype(np.uint32)
        return np.where(word >> 31, word ^ np.uint32(2**31), ~word).view(np.float32)
