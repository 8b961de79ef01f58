"""Every weight in the same number of bits."""

from collections.abc import Iterable, Iterator
from typing import ClassVar

import numpy as np

from lightexp.artifact.binary import Reader, unzigzag, varints, zigzag
from lightexp.artifact.bits import pack_bits, unpack_bits
from lightexp.artifact.coder import Coder, Numbered
from lightexp.artifact.layer import Layer
from lightexp.errors import ArtifactError
from lightexp.spec import spec


@spec
class BitPacking(Coder):
    """Each weight of a layer in ⌈log₂ L⌉ bits, L the levels of its codes, lowest, lowest + stride, … highest; 0 is one of them
    only if it occurs. Raw floats in 32. What hardware without a decoder would read.
    """

    tag: ClassVar[int] = 2

    def encode(self, layers: Iterable[Numbered]) -> tuple[bytes, bytes]:
        values = b""
        for layer, numbers in layers:
            if layer.kind == "sparse":
                values += numbers.astype("<f4").tobytes()
                continue
            lowest, stride, intervals = levels(numbers)
            symbols = (numbers.ravel().astype(np.int64) - lowest) // stride
            values += varints([zigzag(lowest), stride, intervals]) + pack_bits(symbols, intervals.bit_length())
        return b"", values

    def decode(self, layers: Iterable[Layer], positions: bytes, values: bytes) -> Iterator[np.ndarray]:
        reader = Reader(values)
        for layer in layers:
            if layer.kind == "sparse":
                numbers = np.frombuffer(reader.take(4 * layer.size), "<f4").astype(np.float32)
            else:
                numbers = _read(reader, layer)
            numbers = numbers.reshape(layer.matrix)
            if np.count_nonzero(layer.alphabet.marks(numbers)) != layer.nonzero:
                raise ArtifactError("a layer holds codes that it cannot have")
            yield numbers
        if reader.rest() or positions:
            raise ArtifactError("there are more weights than its layers have")

    def ideal_bits(self, layers: Iterable[Numbered]) -> Iterator[tuple[float, float]]:
        for layer, numbers in layers:
            width = 32 if layer.kind == "sparse" else levels(numbers)[2].bit_length()
            yield 0.0, float(layer.size * width)


def levels(codes: np.ndarray) -> tuple[int, int, int]:
    """The lowest code, the stride of which all others are multiples above it, and how many strides there are to the highest."""
    lowest = int(codes.min())
    stride = int(np.gcd.reduce(np.unique(codes).astype(np.int64) - lowest)) or 1
    return lowest, stride, (int(codes.max()) - lowest) // stride


def _read(reader: Reader, layer: Layer) -> np.ndarray:
    lowest, stride, intervals = unzigzag(reader.varint()), reader.varint(), reader.varint()
    least, most = layer.alphabet.bounds
    if stride < 1 or lowest < least or lowest + stride * intervals > most:
        raise ArtifactError("a layer holds codes that it cannot have")
    width = intervals.bit_length()
    symbols = unpack_bits(reader.take(-(-layer.size * width // 8)), layer.size, width)
    if symbols.max() > intervals:
        raise ArtifactError("a layer holds codes that it cannot have")
    return (lowest + stride * symbols).astype(np.int32)
