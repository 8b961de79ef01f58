"""The compressed file: bytes out of a net, and a net out of the bytes."""

from lightexp.artifact.bit_packing import BitPacking
from lightexp.artifact.coder import Coder
from lightexp.artifact.container import Parsed, faults_of, parse, parse_file, read
from lightexp.artifact.huffman import Huffman
from lightexp.artifact.layer import Layer
from lightexp.artifact.range import Range

__all__ = [
    "BitPacking",
    "Coder",
    "Huffman",
    "Layer",
    "Parsed",
    "Range",
    "decode",
    "encode",
    "faults_of",
    "load",
    "parse",
    "parse_file",
    "read",
]


def __getattr__(name: str):
    # What needs torch is imported on first use: looking into a file needs none and should not wait for it.
    if name in ("encode", "decode", "load"):
        from lightexp.artifact import net

        return getattr(net, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
