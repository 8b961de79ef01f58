"""Integers of a fixed number of bits, one behind the other, the highest bit first."""

import numpy as np

from lightexp.errors import ArtifactError


def pack_bits(numbers: np.ndarray, lengths: np.ndarray | int) -> bytes:
    """Non-negative integers, each in its own number of bits (or all in the same), 64 at most."""
    numbers = np.asarray(numbers, np.uint64)
    lengths = np.broadcast_to(np.asarray(lengths, np.int64), numbers.shape)
    ends = np.cumsum(lengths)
    bits = np.zeros(int(ends[-1]) if numbers.size else 0, np.uint8)
    for back in range(int(lengths.max(initial=0))):
        long = lengths > back
        bits[ends[long] - 1 - back] = (numbers[long] >> np.uint64(back)) & np.uint64(1)
    return np.packbits(bits).tobytes()


def unpack_bits(data: bytes, count: int, length: int) -> np.ndarray:
    """`count` integers of `length` bits each, as int64.

    Raises:
        ArtifactError: there are not as many.
    """
    if count * length > 8 * len(data):
        raise ArtifactError("a packed section ends too early")
    bits = np.unpackbits(np.frombuffer(data, np.uint8), count=count * length).reshape(count, length)
    numbers = np.zeros(count, np.int64)
    for at in range(length):
        numbers = numbers << 1 | bits[:, at]
    return numbers
