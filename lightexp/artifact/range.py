"""Range coding with models that adapt to rows, columns, neighbours and layers."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np

from lightexp.artifact.binary import Reader, varint
from lightexp.artifact.choice import choose
from lightexp.artifact.coder import Coder, Numbered
from lightexp.artifact.layer import Layer
from lightexp.artifact.options import Options
from lightexp.artifact.positions import code_positions
from lightexp.artifact.streams import Decoder, Encoder, Meter, Stream
from lightexp.artifact.values import code_values
from lightexp.errors import ArtifactError
from lightexp.spec import spec


@spec
class Range(Coder):
    """Each mark and value is range-coded (Martin 1979) with a probability learned from those before it.

    No tables are stored, and a row, column or layer without survivors costs a few bits. See `positions` and `values` for the
    models; both are driven by a stream, so that writing, reading and measuring cannot differ.
    """

    tag: ClassVar[int] = 0

    def encode(self, layers: Iterable[Numbered]) -> tuple[bytes, bytes]:
        where, what = Encoder(), Encoder()
        options = b"".join(varint(options.number()) for options in _written(where, what, layers) if options)
        return options + where.finish(), what.finish()

    def decode(self, layers: Iterable[Layer], positions: bytes, values: bytes) -> Iterator[np.ndarray]:
        layers, reader, past = list(layers), Reader(positions), _Past()
        options = [reader.varint() if layer.nonzero else 0 for layer in layers]
        where, what = Decoder(reader.rest()), Decoder(values)
        for layer, number in zip(layers, options, strict=True):
            numbers = np.zeros(layer.matrix, layer.alphabet.dtype)
            if layer.nonzero:
                chosen = Options.read(number, layer.matrix[1], past.rows)
                marks = np.full(layer.matrix, layer.nonzero == layer.size)
                indices = past.code(where, what, layer, marks, np.zeros(layer.nonzero, np.int64), chosen)
                numbers[marks] = layer.alphabet.numbers(indices)
            yield numbers

    def ideal_bits(self, layers: Iterable[Numbered]) -> Iterator[tuple[float, float]]:
        where, what, spent = Meter(), Meter(), (0.0, 0.0)
        for _ in _written(where, what, layers):
            yield where.bits - spent[0], what.bits - spent[1]
            spent = where.bits, what.bits


def _written(where: Stream, what: Stream, layers: Iterable[Numbered]) -> Iterator[Options | None]:
    """Code all layers; the options of each, None where there is nothing to code."""
    past = _Past()
    for layer, numbers in layers:
        marks = layer.alphabet.marks(numbers)
        indices = layer.alphabet.indices(numbers[marks])
        options = choose(marks, indices, layer.alphabet, past.rows) if layer.nonzero else None
        if options:
            past.code(where, what, layer, marks, indices, options)
        yield options


@dataclass
class _Past:
    """What the layers so far have taught. rows: the factors of the last one's rows. counts: of values, by how many there are."""

    rows: np.ndarray | None = None
    counts: dict[int, np.ndarray] = field(default_factory=dict)

    def code(
        self, where: Stream, what: Stream, layer: Layer, marks: np.ndarray, indices: np.ndarray, options: Options
    ) -> np.ndarray:
        """Code a layer that is not all zeros; its indices."""
        if layer.nonzero < layer.size:
            self.rows = code_positions(where, marks, layer.nonzero, options, self.rows)
            if np.count_nonzero(marks) != layer.nonzero:
                raise ArtifactError("the positions do not match their count")
        else:
            self.rows = None
        highs, alphabet = layer.alphabet.highs, layer.alphabet
        indices, self.counts[highs] = code_values(what, marks, indices, alphabet, options.line, self.counts.get(highs))
        if indices.max() >= alphabet.size:
            raise ArtifactError("a layer has a value beyond its last")
        return indices
