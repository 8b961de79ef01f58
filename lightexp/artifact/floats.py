"""Vectors of float32 in few bytes: biases, normalisation, codebooks and steps."""

from collections.abc import Sequence

import numpy as np

from lightexp.artifact.streams import Decoder, Encoder, Stream
from lightexp.artifact.values import Symbols
from lightexp.errors import ArtifactError

LEAST, MOST = -149, 127
"""The exponents that a unit of float32 can have."""
WIDEST = 12
"""Bits of the largest whole number that is coded as one."""
_RAW = MOST - LEAST + 1
_HALF = 2**16


def pack_floats(vectors: Sequence[np.ndarray]) -> bytes:
    """Code vectors bit for bit. One whose values are small whole numbers times a power of two, as those of rounded biases
    are, takes about as much as the entropy of the numbers, or where they ascend of their differences; another one takes 32 bits
    a value and 9 more."""
    encoder = Encoder()
    _code(encoder, vectors)
    return encoder.finish()


def unpack_floats(data: bytes, sizes: Sequence[int]) -> list[np.ndarray]:
    """The vectors of these lengths that `pack_floats` was given.

    Raises:
        ArtifactError: it was given none such.
    """
    return _code(Decoder(data), [np.zeros(size, np.float32) for size in sizes])


def _code(stream: Stream, vectors: Sequence[np.ndarray]) -> list[np.ndarray]:
    counts: dict[tuple[int, bool], np.ndarray] = {}
    found = []
    for vector in vectors:
        unit, numbers = _as_whole(vector)
        unit = _one(stream, _RAW + 1, unit - LEAST) + LEAST
        if unit > MOST:
            found.append(_code_raw(stream, vector))
            continue
        values = np.ldexp(_code_whole(stream, numbers, counts).astype(np.float64), unit)
        if abs(values).max(initial=0) > np.finfo(np.float32).max:
            raise ArtifactError("it has a number that is too large for float32")
        found.append(values.astype(np.float32))
    return found


def _code_whole(stream: Stream, numbers: np.ndarray, counts: dict[tuple[int, bool], np.ndarray]) -> np.ndarray:
    width = _one(stream, WIDEST + 1, int(abs(numbers).max(initial=0)).bit_length())
    most = 2**width - 1
    rises = np.diff(numbers)
    ascending = width > 0 and numbers.size > 1 and bool(_one(stream, 2, int((rises >= 0).all())))
    symbols = Symbols(2 * most + 1, 1, counts.get((width, ascending)))
    if ascending:
        first = _one(stream, 2 * most + 1, int(numbers[0]) + most) - most
        numbers = first + np.concatenate([[0], np.cumsum(symbols.code(stream, 0, rises))])
    else:
        numbers = symbols.code(stream, 0, numbers + most) - most
    counts[width, ascending] = symbols.counts
    return numbers


def _as_whole(vector: np.ndarray) -> tuple[int, np.ndarray]:
    """The exponent of the largest power of two of which all values are multiples, and these; or one that says there is none
    with small ones."""
    if np.isfinite(vector).all() and not (np.signbit(vector) & (vector == 0)).any():
        mantissa, exponent = np.frexp(vector[vector != 0].astype(np.float64))
        whole = np.ldexp(mantissa, 24).astype(np.int64)
        trailing = np.log2(whole & -whole).astype(np.int64)
        unit = int((exponent - 24 + trailing).min(initial=MOST))
        numbers = np.ldexp(vector.astype(np.float64), -unit)
        if abs(numbers).max(initial=0) < 2**WIDEST:
            return unit, numbers.astype(np.int64)
    return MOST + 1, np.zeros(vector.size, np.int64)


def _code_raw(stream: Stream, vector: np.ndarray) -> np.ndarray:
    word = vector.view(np.uint32).astype(np.int64)
    low = stream.uniform(_HALF, word % _HALF).astype(np.int64)
    high = stream.uniform(_HALF, word // _HALF).astype(np.int64)
    return (high * _HALF + low).astype(np.uint32).view(np.float32)


def _one(stream: Stream, size: int, symbol: int) -> int:
    return int(stream.uniform(size, np.array([symbol]))[0])
