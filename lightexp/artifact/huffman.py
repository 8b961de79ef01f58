"""The bytes of Deep Compression (Han, Mao and Dally 2016, section 4): relative indices and codes, both Huffman coded."""

from collections.abc import Iterable, Iterator
from typing import ClassVar

import numpy as np

from lightexp.artifact.binary import Reader
from lightexp.artifact.coder import Coder, Numbered
from lightexp.artifact.layer import Layer
from lightexp.artifact.prefix import read_symbols, write_symbols
from lightexp.errors import ArtifactError, ConfigError
from lightexp.spec import spec


@spec
class Huffman(Coder):
    """Per layer, the zeros before each non-zero and its code, each with a Huffman code of its own, whose table is stored too.

    Up to 2ᵏ − 1 zeros are counted in k bits; where more follow each other, the last of 2ᵏ is a filler: a zero that is stored
    as if it were a value. The zeros behind the last non-zero are not stored. Raw floats stay as they are.

    conv_bits, linear_bits: k of convolutions and of linear layers.
    """

    conv_bits: int = 8
    linear_bits: int = 5
    tag: ClassVar[int] = 1

    def __post_init__(self) -> None:
        if not (1 <= self.conv_bits <= 16 and 1 <= self.linear_bits <= 16):
            raise ConfigError("coder: conv_bits and linear_bits must be from 1 to 16")

    def encode(self, layers: Iterable[Numbered]) -> tuple[bytes, bytes]:
        positions, values = b"", b""
        for layer, numbers in layers:
            gaps, symbols = self._symbols(layer, numbers)
            positions += write_symbols(gaps, 2 ** self._bits(layer))
            if layer.kind == "sparse":
                values += write_symbols(np.minimum(symbols, 1), 2) + _raw(layer, numbers)
            else:
                values += write_symbols(symbols, layer.alphabet.size + 1)
        return positions, values

    def decode(self, layers: Iterable[Layer], positions: bytes, values: bytes) -> Iterator[np.ndarray]:
        where, what = Reader(positions), Reader(values)
        for layer in layers:
            gaps = read_symbols(where, 2 ** self._bits(layer), layer.size)
            symbols = read_symbols(what, 2 if layer.kind == "sparse" else layer.alphabet.size + 1, layer.size)
            at = np.cumsum(gaps + 1) - 1
            kept = symbols > 0
            if len(at) != len(symbols) or np.count_nonzero(kept) != layer.nonzero or at.max(initial=0) >= layer.size:
                raise ArtifactError("the positions do not match their count")
            numbers = np.zeros(layer.size, layer.alphabet.dtype)
            if layer.kind == "sparse":
                numbers[at[kept]] = np.frombuffer(what.take(4 * layer.nonzero), "<f4")
            else:
                numbers[at[kept]] = layer.alphabet.numbers(symbols[kept] - 1)
            yield numbers.reshape(layer.matrix)

    def ideal_bits(self, layers: Iterable[Numbered]) -> Iterator[tuple[float, float]]:
        for layer, numbers in layers:
            gaps, symbols = self._symbols(layer, numbers)
            raw = layer.kind == "sparse"
            yield entropy_bits(gaps), entropy_bits(np.minimum(symbols, 1) if raw else symbols) + 32 * layer.nonzero * raw

    def _bits(self, layer: Layer) -> int:
        return self.conv_bits if len(layer.shape) > 2 else self.linear_bits

    def _symbols(self, layer: Layer, numbers: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """How many zeros precede each that is stored, and index + 1 of those, or 0 for a filler."""
        marks, most = layer.alphabet.marks(numbers).ravel(), 2 ** self._bits(layer)
        at = np.flatnonzero(marks)
        zeros = np.diff(at, prepend=-1) - 1
        fillers = zeros // most
        last = np.cumsum(fillers + 1) - 1
        gaps = np.full(int(last[-1]) + 1 if at.size else 0, most - 1)
        symbols = np.zeros(len(gaps), np.int64)
        gaps[last] = zeros % most
        symbols[last] = layer.alphabet.indices(numbers.ravel()[at]) + 1
        return gaps, symbols


def entropy_bits(symbols: np.ndarray) -> float:
    """−Σ n_k log₂(n_k / n): what symbols of these frequencies need if the reader knows them."""
    _, counts = np.unique(symbols, return_counts=True)
    return float(-(counts * np.log2(counts / max(1, symbols.size))).sum())


def _raw(layer: Layer, numbers: np.ndarray) -> bytes:
    return numbers[layer.alphabet.marks(numbers)].astype("<f4").tobytes()
