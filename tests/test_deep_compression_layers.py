"""The count of Deep Compression's tables, by hand."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest
import torch

from lightexp.artifact import Huffman, encode, parse
from lightexp.models import MLP
from lightexp.quantize import KMeans
from lightexp.stages import Context, Prune, Quantize

SCRIPT = Path(__file__).parent.parent / "experiments/deep_compression/layers.py"
spec = importlib.util.spec_from_file_location("layers", SCRIPT)
layers = importlib.util.module_from_spec(spec)
spec.loader.exec_module(layers)


def test_what_is_stored_are_weights_and_fillers():
    numbers = np.zeros((2, 10), np.int64)
    numbers.ravel()[[0, 3, 12]] = 5, 6, 5
    # With 2 bits an index goes to 3: eight zeros before the last weight are two fillers and none before it.
    gaps, codes = layers.stored(numbers, 2)
    assert sorted(zip(gaps, codes, strict=True)) == [(0, 5), (0, 5), (2, 6), (3, 0), (3, 0)]
    assert layers.stored(np.zeros((2, 2), np.int64), 5)[0].size == 0


def test_the_mean_word_of_huffman():
    # Counts 4, 2, 1, 1 have words of 1, 2, 3, 3 bits.
    assert layers.huffman_bits(np.array([7] * 4 + [1] * 2 + [2, 3])) == 14 / 8


def test_shares_are_means_over_weights_and_bits_over_what_is_stored():
    one, other = [100, 10.0, 4, 3.0, 5, 4.0, 2.0, 1.0], [300, 50.0, 6, 5.0, 5, 2.0, 4.0, 3.0]
    assert layers.total([one, other], [10, 30]) == [400, 40.0, 5.5, 4.5, 5.0, 2.5, 3.5, 2.5]


def test_the_papers_rows_add_up_to_what_it_says_of_one_net_only():
    """40 and 39 times smaller; the rows of its LeNet-5 come to 47 kB, not 44."""
    found = [layers.published(network)[-1] for network in ("lenet300", "lenet5")]
    assert [100 / row[-1] for row in found] == pytest.approx([41.0, 36.6], abs=0.05)
    assert found[1][-1] / 100 * 4 * found[1][0] == pytest.approx(47_055, abs=1)


@pytest.fixture
def file(two_samples):
    """A small net, pruned and shared, by the coder of the paper."""
    torch.manual_seed(0)
    net, context = MLP((40,), 2, [30]), Context(two_samples, seed=0)
    net = Quantize(KMeans(7))(Prune(0.9)(net, context), context)
    return parse(encode(net, HEADER, Huffman(linear_bits=3)))


HEADER = {"model": {"net": "lightexp.models.MLP", "args": {"widths": [30]}, "input_shape": [40], "classes": 2}}


def test_the_bytes_are_those_of_the_file_but_for_its_tables(file):
    found = np.array(layers.rows(file))
    assert found[:, 0].tolist() == [1200, 60, 1260]
    sizes = found[:2, 7] / 100 * 4 * found[:2, 0] - [4 * len(file.tables[layer.table]) for layer in file.layers]
    written = [sum(map(len, file.coder.encode([pair]))) for pair in zip(file.layers, file.numbers(), strict=True)]
    # Of each layer two tables of up to 8 lengths of 6 bits, counts, and the last byte's rest come on top.
    for size, bytes_ in zip(sizes, written, strict=True):
        assert 4 <= bytes_ - size <= 2 * (6 + 6 + 1)
