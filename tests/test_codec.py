"""Coders: what their bytes must be, and back."""

import heapq
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lightexp.artifact import BitPacking, Huffman, Range
from lightexp.artifact.alphabet import Floats, Lookups, Steps
from lightexp.artifact.binary import Reader
from lightexp.artifact.bits import pack_bits, unpack_bits
from lightexp.artifact.choice import choose
from lightexp.artifact.huffman import entropy_bits
from lightexp.artifact.layer import Layer
from lightexp.artifact.prefix import canonical_words, read_symbols, word_lengths, write_symbols
from lightexp.errors import ArtifactError

TABLE = np.arange(1, 8, dtype=np.float32) - 4.5  # −3.5 … 2.5, four of seven below 0


def numbered(numbers: np.ndarray, alphabet, kind: str = "steps") -> tuple[Layer, np.ndarray]:
    numbers = np.asarray(numbers, alphabet.dtype)
    nonzero = int(alphabet.marks(numbers).sum())
    return Layer("layer", numbers.shape, kind, 4, 0, nonzero, alphabet), numbers


def sizes(coder, *layers) -> tuple[int, int]:
    """Bytes of positions and values, once all layers have come back bit for bit."""
    positions, values = coder.encode(layers)
    decoded = list(coder.decode([layer for layer, _ in layers], positions, values))
    assert [numbers.tobytes() for numbers in decoded] == [numbers.tobytes() for _, numbers in layers]
    ideal = np.array(list(coder.ideal_bits(layers))).sum(0) / 8
    if coder == Range():
        assert len(positions) + len(values) <= 1.005 * ideal.sum() + 48
    return len(positions), len(values)


def pruned(rows: int, columns: int, density: float = 0.05, seed: int = 0) -> np.ndarray:
    """Codes 1 … 7 where something survived."""
    random = np.random.default_rng(seed)
    return random.integers(1, 8, (rows, columns)) * (random.random((rows, columns)) < density)


# What the bytes must be


def test_huffman_takes_the_bits_of_the_paper():
    # 9 zeros, code 2, code 2, 2 zeros, code 1 → in 3 bits: 8 zeros end in a filler, then 1, 0 and 2 zeros.
    layer = numbered([[0] * 9 + [2, 2, 0, 0, 1, 0]], Steps(3))
    coder = Huffman(linear_bits=3)
    gaps, symbols = coder._symbols(*layer)
    assert gaps.tolist() == [7, 1, 0, 2]
    assert symbols.tolist() == [0, 5, 5, 4]  # a filler, then index + 1 of −3 −2 −1 1 2 3
    assert [round(bits, 9) for bits in next(coder.ideal_bits([layer]))] == [8, 6]  # 4 · log₂ 4; 2 · 1 + 1 · 2 + 1 · 2
    # Count, greatest symbol, ⌈6 · 8 / 8⌉ or ⌈6 · 6 / 8⌉ bytes of word lengths, count of bytes, one byte of words.
    assert sizes(coder, layer) == (1 + 1 + 6 + 1 + 1, 1 + 1 + 5 + 1 + 1)


def test_bit_packing_takes_the_bits_of_every_weight():
    levels = 3  # bytes: lowest, stride, how many
    assert sizes(BitPacking(), numbered(np.zeros((3, 11)), Steps(7))) == (0, levels)
    assert sizes(BitPacking(), numbered(pruned(30, 11, 0.9), Lookups(TABLE))) == (
        0,
        levels + math.ceil(330 * 3 / 8),
    )  # 7 codes and 0
    signs = np.where(np.arange(33).reshape(3, 11) % 2, 1, -1)
    assert sizes(BitPacking(), numbered(signs, Steps(1))) == (0, levels + math.ceil(33 / 8))


def test_range_codes_what_is_certain_in_next_to_nothing():
    signs = np.where(np.random.default_rng(0).random((64, 100)) < 0.5, -1, 1)
    positions, values = sizes(Range(), numbered(signs, Steps(1)))
    assert positions <= 1  # the layer's options
    assert 800 <= values <= 804 + 4  # a bit a weight
    assert sizes(Range(), numbered(np.zeros((64, 100)), Steps(1))) == (0, 0)
    assert sizes(Range(), numbered(np.full((64, 100), 5), Lookups(TABLE)))[1] < 24  # one of seven values alone


def test_dead_rows_and_columns_cost_next_to_nothing():
    alive = pruned(50, 80, 0.3)
    wide = np.zeros((500, 800), np.int64)
    wide[::10, ::10] = alive
    dense, sparse = (sizes(Range(), numbered(codes, Lookups(TABLE)))[0] for codes in (alive, wide))
    # 450 dead rows and 720 dead columns, each for a few bits; to say where 1,199 of 400,000 weights are takes 1,470 bytes.
    assert sparse < dense + 1170 * 4 / 8
    assert sparse < 0.8 * entropy_bits(wide > 0) / 8


def test_a_layer_is_as_dense_as_the_rows_that_feed_it():
    random = np.random.default_rng(0)
    lively = random.random(100) < 0.3
    first = pruned(100, 60, 0.5) * lively[:, None]
    second = pruned(40, 100, 0.3) * lively
    alone = sizes(Range(), numbered(second, Lookups(TABLE)))[0]
    before = sizes(Range(), numbered(first, Lookups(TABLE)))[0]
    both = sizes(Range(), numbered(first, Lookups(TABLE)), numbered(second, Lookups(TABLE)))[0]
    assert both - before < alone - 5


def test_pixels_that_survive_together_are_found_and_cheap():
    random = np.random.default_rng(0)
    spots = np.zeros((60, 20, 20), np.int64)
    for row in spots:
        down, right = random.integers(0, 15, 2)
        row[down : down + 5, right : right + 5] = random.choice([2, 6])
    codes = spots.reshape(60, 400)
    alphabet = Lookups(TABLE)
    marks = codes > 0
    assert choose(marks, alphabet.indices(codes[marks]), alphabet, None).line == 20
    shuffled = codes[:, random.permutation(400)]
    apart, together = (sum(sizes(Range(), numbered(c, alphabet))) for c in (shuffled, codes))
    assert together < 0.5 * apart


def test_range_is_the_smallest_on_pruned_and_shared_layers():
    random = np.random.default_rng(0)
    layers = [numbered(pruned(100, 200, density, 1), Lookups(TABLE)) for density in random.uniform(0.02, 0.2, 4)]
    ours, huffman, packed = (sum(sizes(coder, *layers)) for coder in (Range(), Huffman(), BitPacking()))
    assert ours < 0.96 * huffman < huffman < packed


# There and back


@settings(max_examples=150)
@given(
    kind=st.sampled_from(["steps", "lookup", "sparse"]),
    shapes=st.lists(st.tuples(st.integers(1, 40), st.integers(1, 60)), min_size=1, max_size=3),
    density=st.sampled_from([0.0, 0.02, 0.3, 1.0]),
    size=st.sampled_from([1, 2, 7, 300, 70_000]),
    seed=st.integers(0, 2**32 - 1),
)
def test_any_layers_come_back_under_every_coder(kind, shapes, density, size, seed):
    random, layers = np.random.default_rng(seed), []
    for shape in shapes:
        kept = random.random(shape) < density
        if kind == "sparse":
            numbers = random.integers(0, 2**32, shape, np.uint32) * kept.astype(np.uint32)
            layers.append(numbered(numbers.view(np.float32), Floats(), kind))
        else:
            alphabet = Steps(size) if kind == "steps" else Lookups(random.normal(size=size).astype(np.float32))
            codes = random.integers(1, size + 1, shape) * (random.choice([-1, 1], shape) if kind == "steps" else 1)
            layers.append(numbered(codes * kept, alphabet, kind))
    for coder in (Range(), Huffman(3, 2), BitPacking()):
        sizes(coder, *layers)


@given(st.lists(st.integers(0, 300), max_size=400))
def test_a_huffman_code_is_optimal_and_comes_back(symbols):
    symbols = np.array(symbols, np.int64)
    reader = Reader(write_symbols(symbols, 301))
    assert read_symbols(reader, 301, 400).tolist() == symbols.tolist()
    assert not reader.rest()
    if len(set(symbols.tolist())) > 1:
        counts = np.bincount(symbols)
        # The bits are the sum of all inner nodes, whichever tree of least bits it is.
        heap, inner = sorted(counts[counts > 0].tolist()), 0
        while len(heap) > 1:
            inner += (joined := heapq.heappop(heap) + heapq.heappop(heap))
            heapq.heappush(heap, joined)
        lengths = word_lengths(counts)
        assert (counts * lengths).sum() == inner
        assert sum(2.0**-length for length in lengths[lengths > 0]) == 1


def test_canonical_words_of_known_lengths():
    assert canonical_words(np.array([2, 1, 3, 0, 3])).tolist() == [0b10, 0b0, 0b110, 0, 0b111]
    # Fibonacci's numbers make the longest words; beyond 32 bits they are shortened.
    counts = [1, 1]
    while len(counts) < 40:
        counts.append(counts[-1] + counts[-2])
    assert word_lengths(np.array(counts)).max() <= 32


@given(st.lists(st.integers(0, 2**13 - 1), max_size=50))
def test_bits_are_packed_without_gaps(numbers):
    packed = pack_bits(np.array(numbers, np.int64), 13)
    assert len(packed) == math.ceil(13 * len(numbers) / 8)
    assert unpack_bits(packed, len(numbers), 13).tolist() == numbers
    with pytest.raises(ArtifactError):
        unpack_bits(packed, len(numbers) + 1, 13)
