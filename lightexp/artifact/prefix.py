"""Huffman's code of a sequence of symbols (Huffman 1952), canonical, so that the lengths of its words are all of its table."""

import heapq

import numpy as np

from lightexp.artifact.binary import Reader, varint
from lightexp.artifact.bits import pack_bits, unpack_bits
from lightexp.errors import ArtifactError

LONGEST = 32
"""Bits of a word."""
_LENGTH_BITS = 6
_CHUNK = 2**20


def write_symbols(symbols: np.ndarray, size: int) -> bytes:
    """Symbols 0 … size−1: how many, the greatest, the length of each word, how many bytes, and the words."""
    if not symbols.size:
        return varint(0)
    counts = np.bincount(symbols)
    lengths = word_lengths(counts)
    words = canonical_words(lengths)
    packed = pack_bits(words[symbols], lengths[symbols])
    table = pack_bits(lengths, _LENGTH_BITS)
    return varint(symbols.size) + varint(len(counts) - 1) + table + varint(len(packed)) + packed


def read_symbols(reader: Reader, size: int, most: int) -> np.ndarray:
    """What `write_symbols` was given; not more than `most`.

    Raises:
        ArtifactError: it is damaged.
    """
    count = reader.varint()
    if not count:
        return np.zeros(0, np.int64)
    kinds = reader.varint() + 1
    if count > most or kinds > size:
        raise ArtifactError("a Huffman code has more symbols than its layer can have")
    lengths = unpack_bits(reader.take(-(-kinds * _LENGTH_BITS // 8)), kinds, _LENGTH_BITS)
    packed = reader.take(reader.varint())
    if not lengths.any():
        return np.full(count, kinds - 1)
    return _decode(packed, lengths, count)


def word_lengths(counts: np.ndarray) -> np.ndarray:
    """The bits of each symbol's word, 0 for those that do not occur; all 0 if only one does."""
    lengths = np.zeros(len(counts), np.int64)
    heap = [(int(counts[symbol]), int(symbol), [int(symbol)]) for symbol in np.flatnonzero(counts)]
    heapq.heapify(heap)
    while len(heap) > 1:
        (one, first, left), (other, _, right) = heapq.heappop(heap), heapq.heappop(heap)
        lengths[left + right] += 1
        heapq.heappush(heap, (one + other, first, left + right))
    # Only counts as lopsided as Fibonacci's numbers make words so long; flatter ones make shorter words.
    return lengths if lengths.max() <= LONGEST else word_lengths((counts + 1) // 2)


def canonical_words(lengths: np.ndarray) -> np.ndarray:
    """The word of each symbol: ascending with its length, and among equally long ones with the symbol."""
    words, word, before = np.zeros(len(lengths), np.int64), 0, 0
    for symbol in _in_order(lengths).tolist():
        length = int(lengths[symbol])
        word <<= length - before
        words[symbol], word, before = word, word + 1, length
    return words


def _in_order(lengths: np.ndarray) -> np.ndarray:
    symbols = np.flatnonzero(lengths)
    return symbols[np.argsort(lengths[symbols], kind="stable")]


def _decode(packed: bytes, lengths: np.ndarray, count: int) -> np.ndarray:
    """Look up which word would begin at each bit, many bits at a time, and then only walk from word to word."""
    if lengths.max() > LONGEST or sum(2 ** (LONGEST - int(length)) for length in lengths[lengths > 0]) != 2**LONGEST:
        raise ArtifactError("the table of a Huffman code makes no sense")
    order = _in_order(lengths)
    firsts = canonical_words(lengths)[order] << (LONGEST - lengths[order])
    data = np.frombuffer(packed + bytes(8), np.uint8)
    places, at, end = [np.zeros(0, np.int64)], 0, 8 * len(packed)
    found = 0
    for start in range(0, end, _CHUNK):
        bits = np.arange(start, min(end, start + _CHUNK))
        ranks = np.searchsorted(firsts, _windows(data, bits), "right") - 1
        steps, walked = lengths[order][ranks].tolist(), []
        while at - start < len(bits) and found < count:
            walked.append(at - start)
            at += steps[at - start]
            found += 1
        places.append(order[ranks[np.array(walked, np.int64)]])
    if found < count or not 0 <= end - at < 8:
        raise ArtifactError("a Huffman code ends too early or too late")
    return np.concatenate(places)


def _windows(data: np.ndarray, bits: np.ndarray) -> np.ndarray:
    """The 32 bits that begin at each bit."""
    byte, word = bits >> 3, np.zeros(len(bits), np.int64)
    for at in range(5):
        word = word << 8 | data[byte + at]
    return word >> (8 - (bits & 7)) & (2**LONGEST - 1)
