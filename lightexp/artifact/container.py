"""The layout of the file. Reading it needs no torch, so that looking into a file takes no time.

"LXP" version   4 bytes
CRC-32          4 bytes, little-endian, over all that follows
header          varint length, then deflated JSON (with a preset dictionary)
positions       for each coded layer its number of non-zeros; then one range-coded stream that says where they are
values          for each coded layer its histogram of codes; then one range-coded stream of codes; raw floats if not quantized
tables          codebooks and steps, float32, each distinct one once
dense           everything else of the net's state, raw, in the order of its names
"""

import struct
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from lightexp.artifact.binary import Reader, varint, varints
from lightexp.artifact.coder import read_histogram
from lightexp.artifact.header import pack_header, read_header
from lightexp.errors import ArtifactError

MAGIC = b"LXP\x01"
SECTIONS = ("positions", "values", "tables", "dense")
KINDS = ("sparse", "lookup", "steps")
MOST_WEIGHTS_PER_BYTE = 2**16
"""Of a whole file; far beyond any real net, so that a small file cannot ask for all the memory there is."""


@dataclass(frozen=True)
class Layer:
    """A coded weight: its name and shape, how it is coded, and how often each of its non-zero codes occurs.

    kind: "sparse" (raw float32 values), "lookup" (codes into a table) or "steps" (integers times steps).
    bits: nominal bits a weight. table: which of the file's tables. levels, counts: int64, empty if sparse.
    """

    name: str
    shape: tuple[int, ...]
    kind: str
    bits: int
    table: int
    nonzero: int
    levels: np.ndarray
    counts: np.ndarray

    @property
    def size(self) -> int:
        return int(np.prod(self.shape, dtype=object))


@dataclass(frozen=True)
class Parsed:
    """A file taken apart, its streams still coded. `bytes_of` itemises every byte of it."""

    header: dict[str, Any]
    layers: list[Layer]
    positions: bytes
    values: bytes
    tables: list[np.ndarray]
    dense: bytes
    bytes_of: dict[str, int]


def pack(header: dict[str, Any], sections: dict[str, bytes]) -> bytes:
    """Put the file together. The header gains the lengths of all sections but the last."""
    header = header | {"lengths": [len(sections[name]) for name in SECTIONS[:-1]]}
    packed = pack_header(header)
    body = varint(len(packed)) + packed + b"".join(sections[name] for name in SECTIONS)
    return MAGIC + struct.pack("<I", zlib.crc32(body)) + body


def pack_tables(tables: list[np.ndarray]) -> bytes:
    return varint(len(tables)) + varints(map(len, tables)) + b"".join(table.astype("<f4").tobytes() for table in tables)


def read(path: str | Path) -> bytes:
    """The bytes of a file.

    Raises:
        ArtifactError: there is no such file, or it cannot be read.
    """
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise ArtifactError(f"{path} cannot be read: {error.strerror or error}") from error


def parse(data: bytes) -> Parsed:
    """Take a file apart after checking that it is whole.

    Raises:
        ArtifactError: it is not an artifact, of another version, truncated, altered, or makes no sense.
    """
    if data[:3] != MAGIC[:3]:
        raise ArtifactError("this is not a lightexp artifact (it does not begin with LXP)")
    if data[3:4] != MAGIC[3:4]:
        raise ArtifactError(
            f"its format has version {data[3:4].hex() or 'none'}, this lightexp reads {MAGIC[3]:02x}: upgrade lightexp"
        )
    if len(data) < 8 or zlib.crc32(data[8:]) != struct.unpack("<I", data[4:8])[0]:
        raise ArtifactError("its checksum does not match: it is truncated or damaged; copy it again")
    try:
        return _parse(data)
    except (ValueError, TypeError, KeyError, IndexError, OverflowError, AttributeError, RecursionError, zlib.error) as error:
        raise ArtifactError(f"its content makes no sense ({type(error).__name__}: {error})") from error


def _parse(data: bytes) -> Parsed:
    reader = Reader(data)
    reader.take(8)
    header = read_header(reader.take(reader.varint()))
    header_bytes = reader.at
    sections = {name: reader.take(int(size)) for name, size in zip(SECTIONS[:-1], header["lengths"], strict=True)}
    sections["dense"] = reader.rest()
    positions, values = Reader(sections["positions"]), Reader(sections["values"])
    tables = _tables(Reader(sections["tables"]))
    layers = [_layer(entry, positions, values, tables) for entry in header["layers"]]
    if len({layer.name for layer in layers}) < len(layers):
        raise ArtifactError("it holds a layer twice")
    if sum(layer.size for layer in layers) > MOST_WEIGHTS_PER_BYTE * len(data):
        raise ArtifactError("its layers are far too large for the size of the file")
    sizes = {"header": header_bytes} | {name: len(section) for name, section in sections.items()}
    return Parsed(header, layers, positions.rest(), values.rest(), tables, sections["dense"], sizes)


def _tables(reader: Reader) -> list[np.ndarray]:
    sizes = [reader.varint() for _ in range(reader.varint())]
    return [np.frombuffer(reader.take(4 * size), "<f4") for size in sizes]


def _layer(entry: list, positions: Reader, values: Reader, tables: list[np.ndarray]) -> Layer:
    name, shape, kind, bits, table = entry
    dimensions = tuple(int(side) for side in shape)
    size = int(np.prod(dimensions, dtype=object))
    nonzero = positions.varint()
    if min(dimensions, default=0) < 1 or size > 2**32 or nonzero > size or not isinstance(name, str):
        raise ArtifactError("the shape of a layer makes no sense")
    if KINDS[kind] == "sparse":
        return Layer(name, dimensions, "sparse", 32, 0, nonzero, np.zeros(0, np.int64), np.zeros(0, np.int64))
    if not 0 <= int(table) < len(tables):
        raise ArtifactError("a layer names a table that is not there")
    if KINDS[kind] == "steps" and len(tables[int(table)]) not in (1, dimensions[0]):
        raise ArtifactError("a layer has neither one step nor one a row")
    levels, counts = read_histogram(values, nonzero)
    return Layer(name, dimensions, KINDS[kind], int(bits), int(table), nonzero, levels, counts)
