"""Vectors of float32 in few bytes: biases, normalisation, codebooks and steps."""

from collections.abc import Sequence

import numpy as np

from lightexp.artifact.streams import LEAST as UNLIKELY
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
    are, takes about as much as the entropy of the numbers, or where n of them ascend from a to b about log₂ C(n + b − a, n) bits;
    another one takes 32 bits a value and 9 more."""
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
    counts: dict[int, np.ndarray] = {}
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


def _code_whole(stream: Stream, numbers: np.ndarray, counts: dict[int, np.ndarray]) -> np.ndarray:
    width = _one(stream, WIDEST + 1, int(abs(numbers).max(initial=0)).bit_length())
    most = 2**width - 1
    if width > 0 and numbers.size > 1 and _one(stream, 2, int((np.diff(numbers) >= 0).all())):
        return _code_ascending(stream, numbers, most)
    symbols = Symbols(2 * most + 1, 1, counts.get(width))
    numbers = symbols.code(stream, 0, numbers + most) - most
    counts[width] = symbols.counts
    return numbers


def _code_ascending(stream: Stream, numbers: np.ndarray, most: int) -> np.ndarray:
    """Numbers of −most … most as a walk from the first to the last: a mark is a step to the next whole number, what lies between
    two marks are the numbers that stay there."""
    first = _one(stream, 2 * most + 1, int(numbers[0]) + most) - most
    rise = _one(stream, most - first + 1, int(numbers[-1] - numbers[0]))
    between = numbers.size - 2
    marks = np.ones(between + rise, bool)
    marks[numbers[1:-1] - numbers[0] + np.arange(between)] = False
    if between and rise:
        chance = np.clip(rise / marks.size, UNLIKELY, 1 - UNLIKELY)
        marks = stream.marks(np.full(marks.size, chance), marks)
    stays = np.flatnonzero(~marks)
    if stays.size != between:
        raise ArtifactError("numbers that ascend do not match their count")
    return first + np.concatenate([[0], stays - np.arange(between), [rise]])


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
