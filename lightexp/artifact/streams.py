"""Three ends of one model: what writes a stream, what reads it back, and what only adds up how long it must be."""

from typing import Protocol

import numpy as np
from constriction import stream

from lightexp.errors import ArtifactError

# constriction makes its submodules as attributes of a compiled module: they can be reached, but not imported.
model, queue = stream.model, stream.queue

LEAST = 2.0**-20
"""The smallest probability of a mark that a model may state; its complement is the largest."""
_END = 2**64


class Stream(Protocol):
    """What a model drives. Each method is given what is to be coded and returns it; a `Decoder` looks at its shape alone, so
    a model that goes on with what was returned is the same one on both sides."""

    def marks(self, chances: np.ndarray, marks: np.ndarray) -> np.ndarray:
        """Booleans, each with its own chance of being True; both of one shape."""

    def symbols(self, weights: np.ndarray, symbols: np.ndarray) -> np.ndarray:
        """Symbols 0 … K−1, all with probabilities proportional to `weights`, of length K."""

    def uniform(self, size: int, symbols: np.ndarray) -> np.ndarray:
        """Symbols 0 … size−1, all equally likely; size is below 2²⁴."""


class Encoder:
    """Writes, by constriction's range coder."""

    def __init__(self) -> None:
        self._coder = queue.RangeEncoder()

    def marks(self, chances: np.ndarray, marks: np.ndarray) -> np.ndarray:
        self._coder.encode(marks.ravel().astype(np.int32), _MARK, chances.ravel())
        return marks

    def symbols(self, weights: np.ndarray, symbols: np.ndarray) -> np.ndarray:
        if len(weights) > 1 and symbols.size:
            self._coder.encode(symbols.astype(np.int32), model.Categorical(weights, perfect=False))
        return symbols

    def uniform(self, size: int, symbols: np.ndarray) -> np.ndarray:
        if size > 1 and symbols.size:
            self._coder.encode(symbols.astype(np.int32), model.Uniform(size))
        return symbols

    def finish(self) -> bytes:
        """The shortest bytes that decode to what was written. Past its end a range decoder reads zeros, so those are not kept."""
        words = self._coder.get_compressed().astype(">u4")
        final, (lower, span) = self._coder.pos()
        if lower + span > _END:  # a carry into the words so far is still open: constriction knows how it ends
            return words.tobytes().rstrip(b"\0")
        return (words[:final].tobytes() + _shortest(lower, span)).rstrip(b"\0")


def _shortest(lower: int, span: int) -> bytes:
    """Of the 64-bit numbers lower … lower + span − 1 the one with the most zero bytes at its end."""
    numbers = ((lower + span - 1) >> kept << kept for kept in range(64, -1, -8))
    return next(number for number in numbers if number >= lower).to_bytes(8, "big")


class Decoder:
    """Reads back, in the same order and with the same models, what an `Encoder` wrote."""

    def __init__(self, data: bytes) -> None:
        self._coder = queue.RangeDecoder(np.frombuffer(data + b"\0" * (-len(data) % 4), ">u4").astype(np.uint32))

    def marks(self, chances: np.ndarray, marks: np.ndarray) -> np.ndarray:
        return self._decode(_MARK, chances.ravel()).astype(bool).reshape(marks.shape)

    def symbols(self, weights: np.ndarray, symbols: np.ndarray) -> np.ndarray:
        if len(weights) > 1 and symbols.size:
            return self._decode(model.Categorical(weights, perfect=False), symbols.size)
        return np.zeros(symbols.size, np.int32)

    def uniform(self, size: int, symbols: np.ndarray) -> np.ndarray:
        if size > 1 and symbols.size:
            return self._decode(model.Uniform(size), symbols.size)
        return np.zeros(symbols.size, np.int32)

    def _decode(self, distribution: model.Model, amount: np.ndarray | int) -> np.ndarray:
        try:
            return self._coder.decode(distribution, amount)
        except (AssertionError, ValueError) as error:
            raise ArtifactError("the coded stream does not decode") from error


class Meter:
    """Adds up the ideal code length, −Σ log₂ p, in `bits`, and writes nothing."""

    def __init__(self) -> None:
        self.bits = 0.0

    def marks(self, chances: np.ndarray, marks: np.ndarray) -> np.ndarray:
        self.bits -= float(np.log2(np.where(marks, chances, 1 - chances)).sum())
        return marks

    def symbols(self, weights: np.ndarray, symbols: np.ndarray) -> np.ndarray:
        self.bits -= float(np.log2(weights / weights.sum())[symbols].sum())
        return symbols

    def uniform(self, size: int, symbols: np.ndarray) -> np.ndarray:
        self.bits += symbols.size * float(np.log2(size))
        return symbols


_MARK = model.Bernoulli(perfect=False)
