"""Vectors of float32: bit for bit, and few bytes for few numbers."""

import math
import struct
import zlib

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from lightexp.artifact.floats import pack_floats, unpack_floats
from lightexp.artifact.rest import pack_rest, unpack_rest
from lightexp.errors import ArtifactError

words = st.lists(st.integers(0, 2**32 - 1), max_size=20).map(lambda them: np.array(them, np.uint32).view(np.float32))
whole = st.tuples(st.integers(-149, 115), st.lists(st.integers(-4096, 4096), max_size=40)).map(
    lambda them: np.ldexp(np.array(them[1], np.float64), them[0]).astype(np.float32)
)


@given(st.lists(st.one_of(words, whole), max_size=5))
def test_any_vectors_come_back_bit_for_bit(vectors):
    packed = pack_floats(vectors)
    found = unpack_floats(packed, [vector.size for vector in vectors])
    assert [vector.tobytes() for vector in found] == [vector.tobytes() for vector in vectors]
    assert len(packed) <= sum(4 * vector.size + 2 for vector in vectors) + 4


@pytest.mark.parametrize(
    "values",
    [
        [0.0, -0.0],
        [math.inf],
        [-math.inf, 1],
        [math.nan],
        [1e-45, -1e-45, 3.4028235e38],
        [2.0**127, -(2.0**127)],
        [4096.0, 1.0],
    ],
)
def test_the_edges_of_float32_come_back(values):
    vector = np.array(values, np.float32)
    assert unpack_floats(pack_floats([vector]), [vector.size])[0].tobytes() == vector.tobytes()


def test_small_whole_numbers_of_a_unit_take_their_entropy():
    # 900 times 0 and 50 times ±3/16: H = −0.9 log₂ 0.9 − 0.1 log₂ 0.05 = 0.569 bits a value, 71 bytes of 1,000.
    vector = np.zeros(1000, np.float32)
    vector[:50], vector[50:100] = 3 / 16, -3 / 16
    np.random.default_rng(0).shuffle(vector)
    assert 71 <= len(pack_floats([vector])) <= 71 + 16  # what it takes to learn the shares
    assert len(pack_floats([np.zeros(1000, np.float32)])) <= 4
    assert len(pack_floats([vector / 3])) <= 71 + 16  # 1/16, the same numbers of another unit
    assert len(pack_floats([vector / 5])) > 3900  # 3/80 is a multiple of no large power of two


@given(st.lists(st.integers(-4095, 4095), min_size=2, max_size=60), st.integers(0, 60))
def test_numbers_that_ascend_come_back(numbers, again):
    vector = np.sort(np.array(numbers + numbers[:1] * again, np.float32))
    packed = pack_floats([vector, vector])
    assert [found.tobytes() for found in unpack_floats(packed, [vector.size] * 2)] == [vector.tobytes()] * 2


def test_numbers_that_ascend_take_as_many_bits_as_there_are_ways():
    # 300 numbers of −15 … 15 in order: C(330, 30) ways, 141 bits; and a few for the unit, the width, the ends and the share.
    vector = np.sort(np.random.default_rng(0).integers(-15, 16, 300)).astype(np.float32)
    assert 18 <= len(pack_floats([vector])) <= 18 + 5
    assert len(pack_floats([vector[::-1].copy()])) > 160


def test_a_walk_with_too_many_steps_is_damage():
    vector = np.sort(np.random.default_rng(0).integers(-15, 16, 300)).astype(np.float32)
    packed = pack_floats([vector])
    altered = [packed[:at] + bytes([packed[at] ^ 85]) + packed[at + 1 :] for at in range(3, len(packed))]
    with pytest.raises(ArtifactError, match="ascend"):
        for data in altered:
            unpack_floats(data, [vector.size])


def test_a_number_beyond_float32_is_the_files_fault():
    # The largest unit and two bits: 3 · 2¹²⁷ is no float32.
    from lightexp.artifact.floats import LEAST, MOST, WIDEST
    from lightexp.artifact.streams import Encoder

    encoder = Encoder()
    for size, symbol in ((MOST - LEAST + 2, MOST - LEAST), (WIDEST + 1, 2)):
        encoder.uniform(size, np.array([symbol]))
    encoder.symbols(np.ones(7), np.array([6]))
    with pytest.raises(ArtifactError, match="too large for float32"):
        unpack_floats(encoder.finish(), [1])


def test_the_rest_of_a_net_comes_back():
    state = {
        "fc.bias": torch.randn(7),
        "norm.num_batches_tracked": torch.tensor(1234),
        "norm.running_var": torch.rand(5),
        "scale": torch.tensor(0.25),
        "fc.weight": torch.randn(3, 4),
        "flags": torch.tensor([[True, False]]),
    }
    packed = pack_rest(state)
    found = unpack_rest(packed, {name: tensor.to("meta") for name, tensor in state.items()})
    assert all(torch.equal(found[name], tensor) and found[name].dtype == tensor.dtype for name, tensor in state.items())
    with pytest.raises(ArtifactError):
        unpack_rest(packed + struct.pack("<I", zlib.crc32(packed)), state)
    with pytest.raises(ArtifactError, match="float64 cannot be written"):
        pack_rest({"weight": torch.zeros(2, 2, dtype=torch.float64)})
