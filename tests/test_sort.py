"""Units in the order of their biases: the same answers from fewer bytes."""

from functools import partial

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from lightexp.artifact import decode, encode
from lightexp.artifact.floats import pack_floats, unpack_floats
from lightexp.data import Digits
from lightexp.models import MLP, LeNet5, build, net_spec
from lightexp.quantize import LSQ, Affine, KMeans
from lightexp.reparam import codes_of, layers, set_mask
from lightexp.stages import Context, Quantize, Round, Sort
from tests.normed import normed


@pytest.fixture(scope="module")
def digits():
    return Digits().load()


def some(net, seed=0):
    """With weights pruned, so that their places are seen to move along, and biases that differ."""
    torch.manual_seed(seed)
    for module in layers(net).values():
        set_mask(module, torch.rand_like(module.weight) < 0.5)
    for name, parameter in net.named_parameters():
        if name.endswith("bias"):
            nn.init.normal_(parameter)
    return net.eval()


def test_by_hand(digits):
    net = build(partial(MLP, widths=[3]), (1, 8, 8), 10)
    first, last = layers(net).values()
    first.bias.data = torch.tensor([2.0, -1.0, -1.0])
    first.weight.data[1], first.weight.data[2] = 3.0, 0.0  # of the two equal biases the second has no weights left
    last.weight.data[:] = torch.tensor([10.0, 11.0, 12.0])
    Sort()(net, Context(digits, seed=0))
    assert first.bias.tolist() == [-1, -1, 2] and first.weight[:2].mean(1).tolist() == [0, 3]
    assert last.weight[0].tolist() == [12, 11, 10]


@pytest.mark.parametrize("quantizer", [None, LSQ(bits=3), LSQ(bits=3, scope="channel"), Affine(bits=4), KMeans(12)])
def test_codes_and_masks_move_along(digits, quantizer):
    context = Context(digits, seed=0)
    net = some(build(partial(MLP, widths=[12, 10]), (1, 8, 8), 10))
    if quantizer:
        net = Quantize(quantizer)(net, context)
    net = Round()(net, context)
    x = digits.batch(digits.train, torch.arange(50))[0]
    before, codes = net(x), [codes_of(module) for module in layers(net).values()]
    net = Sort()(net, context)
    assert torch.allclose(net(x), before, atol=1e-4)
    hidden = list(layers(net).values())[:2]
    assert all((module.bias.diff() >= 0).all() for module in hidden)
    if quantizer:
        counts = [torch.bincount(one.codes.flatten() + 16).tolist() for one in codes]
        assert [torch.bincount(codes_of(one).codes.flatten() + 16).tolist() for one in layers(net).values()] == counts


@pytest.mark.parametrize("make", [lambda: LeNet5((1, 28, 28), 10), lambda: normed(0)])
def test_filters_and_normalisations_move_along(digits, make):
    net = some(make())
    shape = (1, 28, 28) if isinstance(net, LeNet5) else digits.input_shape
    for module in net.modules():
        if isinstance(module, nn.BatchNorm2d | nn.BatchNorm1d):
            module.running_mean.normal_()
            module.running_var.uniform_(0.5, 2)
    x = torch.randn(20, *shape)
    before = net(x)
    data = Context(digits, seed=0) if shape == digits.input_shape else Context(_Like(x), seed=0)
    net = Sort()(net, data)
    assert torch.allclose(net(x), before, atol=1e-4)
    assert any(len(p) > 4 and (p.diff() >= 0).all() for name, p in net.named_parameters() if name.endswith("bias"))


def test_a_normalisation_without_weights_moves_along(digits):
    hidden = nn.Sequential(nn.Flatten(), nn.Linear(64, 12), nn.BatchNorm1d(12, affine=False), nn.ReLU())
    net = some(nn.Sequential(*hidden, nn.Linear(12, 10)))
    net[2].running_mean.normal_()
    net[2].running_var.uniform_(0.5, 2)
    x = torch.randn(20, *digits.input_shape)
    before = net(x)
    net = Sort()(net, Context(digits, seed=0))
    assert torch.allclose(net(x), before, atol=1e-4) and (net[1].bias.diff() >= 0).all()


class _Like:
    """Only what the stage asks of a data set."""

    def __init__(self, x):
        self.train, self.x = self, x

    def batch(self, split, index):
        return self.x[index], None


def test_a_net_that_cannot_be_traced_stays_as_it_is(digits):
    class Odd(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = nn.Linear(64, 10)

        def forward(self, x):
            if float(x.sum()) != float(x.detach().numpy().sum()):
                raise RuntimeError("not for tracing")
            return self.layer(x.flatten(1))

    net = Odd()
    before = net.layer.weight.clone()
    assert torch.equal(Sort()(net, Context(digits, seed=0)).layer.weight, before)


def test_a_sorted_file_is_smaller_and_comes_back_bit_for_bit(digits):
    context, spec = Context(digits, seed=0), partial(MLP, widths=[100, 50])
    about = {"data": "digits", "mean": [0.0], "std": [1.0], "model": net_spec(spec, (1, 8, 8), 10)}
    net = Round(bits=6)(some(build(spec, (1, 8, 8), 10)), context)
    before = encode(net, about)
    after = encode(Sort()(net, context), about)
    # 150 biases of 4 bits and more become differences.
    assert len(after) < len(before) - 50
    assert encode(decode(after), about) == after


@given(st.lists(st.integers(-300, 300), max_size=60), st.integers(-20, 20))
def test_vectors_that_ascend_come_back(numbers, exponent):
    ascending = np.ldexp(np.array(sorted(numbers), np.float64), exponent).astype(np.float32)
    assert np.array_equal(unpack_floats(pack_floats([ascending]), [len(numbers)])[0], ascending)


def test_many_numbers_take_less_where_they_ascend():
    numbers = np.random.default_rng(0).integers(-15, 16, 300).astype(np.float32)
    # 300 · log2 31 bits are 186 bytes.
    assert len(pack_floats([np.sort(numbers)])) < 45 and len(pack_floats([numbers])) > 180
