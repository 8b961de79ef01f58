"""Integers of variable length, and a reader that notices the end."""

from collections.abc import Iterable

from lightexp.errors import ArtifactError


def varint(value: int) -> bytes:
    """A non-negative integer in 7-bit groups, lowest first; the high bit says that more follow."""
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def varints(values: Iterable[int]) -> bytes:
    return b"".join(varint(int(value)) for value in values)


def zigzag(value: int) -> int:
    """Signed to unsigned, small to small: 0, −1, 1, −2 … become 0, 1, 2, 3 …"""
    return -2 * value - 1 if value < 0 else 2 * value


def unzigzag(value: int) -> int:
    return -(value + 1) // 2 if value & 1 else value // 2


class Reader:
    """Takes bytes off the front of a buffer.

    Raises:
        ArtifactError: more was asked for than there is.
    """

    def __init__(self, data: bytes) -> None:
        self.data = memoryview(data)
        self.at = 0

    def take(self, count: int) -> bytes:
        if not 0 <= count <= len(self.data) - self.at:
            raise ArtifactError("the file ends too early")
        self.at += count
        return bytes(self.data[self.at - count : self.at])

    def rest(self) -> bytes:
        return self.take(len(self.data) - self.at)

    def varint(self) -> int:
        value = 0
        for shift in range(0, 63, 7):
            byte = self.take(1)[0]
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                return value
        raise ArtifactError("a number in the file is longer than 63 bits")
