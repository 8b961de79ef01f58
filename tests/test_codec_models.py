"""The models behind the default coder, and the streams that they drive."""

from functools import partial

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lightexp.artifact import Huffman
from lightexp.artifact.alphabet import Floats, Lookups, Steps
from lightexp.artifact.odds import Odds
from lightexp.artifact.options import Options
from lightexp.artifact.streams import Decoder, Encoder, Meter
from lightexp.artifact.values import tree
from lightexp.errors import ArtifactError, ConfigError


def test_indices_ascend_with_the_weight():
    for alphabet, numbers in (
        (Steps(2), np.array([-2, -1, 1, 2], np.int32)),
        (Lookups(np.float32([0.5, -3, 2, -1])), np.array([2, 4, 1, 3], np.int32)),
    ):
        assert alphabet.indices(numbers).tolist() == [0, 1, 2, 3]
        assert alphabet.numbers(np.arange(4)).tolist() == numbers.tolist()
        assert np.sign(alphabet.loudness()).tolist() == [-1, -1, 1, 1]
    floats = np.float32([-np.inf, -2, -1e-40, -0.0, 1e-40, 3, np.inf, np.nan])
    indices = Floats().indices(floats)
    assert (np.diff(indices) > 0).all()
    assert Floats().numbers(indices).tobytes() == floats.tobytes()


def test_odds_follow_what_was_found():
    odds = Odds(2, 1.0)
    odds.learn(slice(0, 1), np.array([9]), np.array([4.0]), 10)
    # (1 + 9) / (1 + 4) for the ones, (1 + 6) / (1 + 1) for the zeros.
    assert odds.factor.tolist() == [10 / 5 * 7 / 2, 1]
    firm = Odds(1, 4.0**6)
    firm.learn(slice(0, 1), np.array([9]), np.array([4.0]), 10)
    assert firm.factor[0] == pytest.approx(1, abs=0.01)


def test_a_tree_of_four_symbols_by_hand():
    counts, even = np.array([3, 0, 1, 0]), np.ones(4)
    # Halves: (3 + 1) / (4 + 2) and (1 + 1) / (4 + 2); their halves: (3 + 2) / (3 + 4), 2 / 7, (1 + 2) / (1 + 4), 2 / 5.
    expected = np.array([4 / 6 * 5 / 7, 4 / 6 * 2 / 7, 2 / 6 * 3 / 5, 2 / 6 * 2 / 5])
    np.testing.assert_allclose(tree(4).weights(counts, even) / 2**30, expected, rtol=1e-7)
    weights = tree(5).weights(np.zeros(5, np.int64), np.arange(1, 6) * 10.0**6)
    np.testing.assert_allclose(weights / weights.sum(), np.arange(1, 6) / 15, rtol=1e-6)


def test_the_meter_tells_what_the_encoder_writes():
    random = np.random.default_rng(0)
    chances = random.uniform(0.01, 0.6, 50_000)
    marks, weights = random.random(50_000) < chances, np.array([1.0, 5, 2])
    symbols = random.choice(3, 10_000, p=weights / 8)
    encoder, meter = Encoder(), Meter()
    for stream in (encoder, meter):
        stream.marks(chances, marks)
        stream.symbols(weights, symbols)
        stream.uniform(1000, symbols)
    data = encoder.finish()
    assert meter.bits / 8 <= len(data) <= meter.bits / 8 * 1.001 + 8
    decoder = Decoder(data)
    assert (decoder.marks(chances, np.empty_like(marks)) == marks).all()
    assert (decoder.symbols(weights, np.empty_like(symbols)) == symbols).all()
    assert (decoder.uniform(1000, np.empty_like(symbols)) == symbols).all()


@given(st.builds(Options, st.integers(0, 6), st.integers(0, 6), st.just(False), st.integers(0, 25)))
def test_options_come_back_from_their_number(options):
    assert Options.read(options.number(), 100, None) == options


@pytest.mark.parametrize(
    ("options", "before"), [(Options(line=26), None), (Options(follow=True), None), (Options(follow=True), np.ones(7))]
)
def test_options_that_nobody_chose_are_refused(options, before):
    with pytest.raises(ArtifactError, match="make no sense"):
        Options.read(options.number(), 100, before)


@pytest.mark.parametrize("make", [partial(Huffman, conv_bits=0), partial(Huffman, linear_bits=17)])
def test_impossible_relative_indices_are_refused(make):
    with pytest.raises(ConfigError, match="from 1 to 16"):
        make()
