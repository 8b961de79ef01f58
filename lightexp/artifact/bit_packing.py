"""Every weight in the same number of bits."""

from collections.abc import Iterable, Iterator
from typing import ClassVar

import numpy as np

from lightexp.artifact.binary import Reader
from lightexp.artifact.bits import pack_bits, unpack_bits
from lightexp.artifact.coder import Coder, Numbered
from lightexp.artifact.layer import Layer
from lightexp.errors import ArtifactError
from lightexp.spec import spec


@spec
class BitPacking(Coder):
    """Each weight of a layer in ⌈log₂(K + 1)⌉ bits: 0 or one of its K values. What hardware without a decoder would read."""

    tag: ClassVar[int] = 2

    def encode(self, layers: Iterable[Numbered]) -> tuple[bytes, bytes]:
        values = b""
        for layer, numbers in layers:
            marks = layer.alphabet.marks(numbers)
            symbols = np.zeros(layer.size, np.int64)
            symbols[marks.ravel()] = layer.alphabet.indices(numbers[marks]) + 1
            values += pack_bits(symbols, width(layer))
        return b"", values

    def decode(self, layers: Iterable[Layer], positions: bytes, values: bytes) -> Iterator[np.ndarray]:
        reader = Reader(values)
        for layer in layers:
            packed = reader.take(-(-layer.size * width(layer) // 8))
            symbols = unpack_bits(packed, layer.size, width(layer)).reshape(layer.matrix)
            marks = symbols > 0
            if np.count_nonzero(marks) != layer.nonzero or symbols.max() > layer.alphabet.size:
                raise ArtifactError("a layer holds codes that it cannot have")
            numbers = np.zeros(layer.matrix, layer.alphabet.dtype)
            numbers[marks] = layer.alphabet.numbers(symbols[marks] - 1)
            yield numbers
        if reader.rest() or positions:
            raise ArtifactError("there are more weights than its layers have")

    def ideal_bits(self, layers: Iterable[Numbered]) -> Iterator[tuple[float, float]]:
        for layer, _ in layers:
            yield 0.0, float(layer.size * width(layer))


def width(layer: Layer) -> int:
    """Bits of a weight."""
    return layer.alphabet.size.bit_length()
