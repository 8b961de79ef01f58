"""The layout of the file. Reading it needs no torch, so that looking into a file takes no time.

"LXP" version   4 bytes
CRC-32          4 bytes, little-endian, over all that follows
header          the coder's tag and its options; varint lengths of the header, positions, values and tables; then deflated JSON (with a preset
                dictionary)
positions       for each coded layer its number of non-zeros; then what the coder wrote to say where they are
values          for each layer of steps the largest size of a code; then what the coder wrote to say which values there are
tables          codebooks and steps, each distinct one once: how many, their lengths; then their values, coded (see `floats`)
dense           everything else of the net's state (see `rest`)
"""

import struct
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import astuple, dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np

from lightexp.artifact.alphabet import Floats, Lookups, Steps
from lightexp.artifact.binary import Reader, varint, varints
from lightexp.artifact.bit_packing import BitPacking
from lightexp.artifact.coder import Coder
from lightexp.artifact.floats import pack_floats, unpack_floats
from lightexp.artifact.header import pack_header, read_header
from lightexp.artifact.huffman import Huffman
from lightexp.artifact.layer import Layer
from lightexp.artifact.range import Range
from lightexp.errors import ArtifactError, ConfigError

MAGIC = b"LXP\x07"
SECTIONS = ("positions", "values", "tables", "dense")
KINDS = ("sparse", "lookup", "steps")
CODERS = {coder.tag: coder for coder in (Range, Huffman, BitPacking)}
MOST_WEIGHTS_PER_BYTE = 2**16
"""Of a whole file; far beyond any real net, so that a small file cannot ask for all the memory there is."""


@dataclass(frozen=True)
class Parsed:
    """A file taken apart, its streams still coded. `bytes_of` itemises every byte of it."""

    header: dict[str, Any]
    coder: Coder
    layers: list[Layer]
    positions: bytes
    values: bytes
    tables: list[np.ndarray]
    dense: bytes
    bytes_of: dict[str, int]

    def numbers(self) -> Iterator[np.ndarray]:
        """The integer codes or raw floats of each coded layer in turn, as a matrix.

        Raises:
            ArtifactError: the streams do not fit the layers.
        """
        try:
            yield from self.coder.decode(self.layers, self.positions, self.values)
        except NONSENSE as error:
            raise ArtifactError(f"its streams make no sense ({type(error).__name__}: {error})") from error

    def ideal_bytes(self) -> list[tuple[float, float]]:
        """For each coded layer the ideal code lengths of its positions and values, under the model of its coder."""
        bits = self.coder.ideal_bits(zip(self.layers, self.numbers(), strict=True))
        return [(positions / 8, values / 8) for positions, values in bits]


NONSENSE = (ValueError, TypeError, KeyError, IndexError, OverflowError, AttributeError, RecursionError, MemoryError, zlib.error)
"""What reading bytes that nobody wrote ends in, where no check is quicker."""


def pack(header: dict[str, Any], coder: Coder, sections: dict[str, bytes]) -> bytes:
    """Put the file together."""
    packed = pack_header(header)
    lengths = varints([len(packed), *(len(sections[name]) for name in SECTIONS[:-1])])
    body = varints([coder.tag, *astuple(coder)]) + lengths + packed + b"".join(sections[name] for name in SECTIONS)
    return MAGIC + struct.pack("<I", zlib.crc32(body)) + body


def pack_tables(tables: list[np.ndarray]) -> bytes:
    return varint(len(tables)) + varints(map(len, tables)) + pack_floats(tables)


def read(path: str | Path) -> bytes:
    """The bytes of a file.

    Raises:
        ArtifactError: there is no such file, or it cannot be read.
    """
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise ArtifactError(f"{path} cannot be read: {error.strerror or error}") from error


@contextmanager
def faults_of(path: str | Path) -> Iterator[None]:
    """Within it, what is wrong with a file is said with the file's name."""
    try:
        yield
    except ArtifactError as error:
        raise ArtifactError(f"{path}: {error}") from error


def parse_file(path: str | Path) -> Parsed:
    """`parse` a file; see there."""
    data = read(path)
    with faults_of(path):
        return parse(data)


def parse(data: bytes) -> Parsed:
    """Take a file apart after checking that it is whole.

    Raises:
        ArtifactError: it is not an artifact, of another version, truncated, altered, or makes no sense.
    """
    if data[:3] != MAGIC[:3]:
        raise ArtifactError("this is not a lightexp artifact (it does not begin with LXP)")
    if data[3:4] != MAGIC[3:4]:
        raise ArtifactError(
            f"its format has version {data[3:4].hex() or 'none'}, this lightexp reads {MAGIC[3]:02x}: "
            "read it with the lightexp that wrote it, or make it again"
        )
    if len(data) < 8 or zlib.crc32(data[8:]) != struct.unpack("<I", data[4:8])[0]:
        raise ArtifactError("its checksum does not match: it is truncated or damaged; copy it again")
    try:
        return _parse(data)
    except NONSENSE as error:
        raise ArtifactError(f"its content makes no sense ({type(error).__name__}: {error})") from error


def _parse(data: bytes) -> Parsed:
    reader = Reader(data)
    reader.take(8)
    coder = _coder(reader)
    size, *sizes = [reader.varint() for _ in SECTIONS]
    header = read_header(reader.take(size))
    bytes_of = {"header": reader.at}
    sections = {name: reader.take(size) for name, size in zip(SECTIONS[:-1], sizes, strict=True)}
    sections["dense"] = reader.rest()
    positions, values = Reader(sections["positions"]), Reader(sections["values"])
    tables = _tables(Reader(sections["tables"]))
    layers = [_layer(entry, positions, values, tables) for entry in header["layers"]]
    if len({layer.name for layer in layers}) < len(layers):
        raise ArtifactError("it holds a layer twice")
    if sum(layer.size for layer in layers) > MOST_WEIGHTS_PER_BYTE * len(data):
        raise ArtifactError("its layers are far too large for the size of the file")
    bytes_of |= {name: len(section) for name, section in sections.items()}
    return Parsed(header, coder, layers, positions.rest(), values.rest(), tables, sections["dense"], bytes_of)


def _coder(reader: Reader) -> Coder:
    kind = CODERS.get(reader.varint())
    if kind is None:
        raise ArtifactError("it was written by a coder that this lightexp does not have")
    try:
        return kind(*(reader.varint() for _ in fields(kind)))
    except ConfigError as error:
        raise ArtifactError(f"its coder cannot be: {error}") from error


def _tables(reader: Reader) -> list[np.ndarray]:
    sizes = [reader.varint() for _ in range(reader.varint())]
    if sum(sizes) > 2**24:
        raise ArtifactError("its tables are far too large")
    return unpack_floats(reader.rest(), sizes)


def _layer(entry: list, positions: Reader, values: Reader, tables: list[np.ndarray]) -> Layer:
    name, shape, kind, bits, table = entry
    dimensions, kind = tuple(int(side) for side in shape), KINDS[kind]
    size = int(np.prod(dimensions, dtype=object))
    nonzero = positions.varint()
    if min(dimensions, default=0) < 1 or size > 2**32 or nonzero > size or not isinstance(name, str):
        raise ArtifactError("the shape of a layer makes no sense")
    if kind == "sparse":
        return Layer(name, dimensions, kind, 32, 0, nonzero, Floats())
    if not 0 <= int(table) < len(tables):
        raise ArtifactError("a layer names a table that is not there")
    entries = tables[int(table)]
    if kind == "steps" and len(entries) not in (1, dimensions[0]):
        raise ArtifactError("a layer has neither one step nor one a row")
    alphabet = Lookups(entries) if kind == "lookup" else Steps(values.varint())
    if alphabet.size > 2**32 or (nonzero and not alphabet.size):
        raise ArtifactError("the values of a layer make no sense")
    return Layer(name, dimensions, kind, float(bits), int(table), nonzero, alphabet)
