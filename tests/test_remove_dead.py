"""Weights in vain are cut, and biases rounded, without another answer than rounding's."""

import math
from dataclasses import replace
from functools import partial

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from lightexp.artifact import decode, encode
from lightexp.artifact.container import pack_tables
from lightexp.data import Digits, split
from lightexp.models import MLP, LeNet5, ResNet, build, net_spec
from lightexp.prune import Uniform
from lightexp.quantize import LSQ, KMeans
from lightexp.reparam import codes_of, latent, layers, mask_of, quantizer_of, set_mask
from lightexp.stages import Context, Prune, Quantize, RemoveDead, Round
from lightexp.stages.round import rounded
from lightexp.surgery import ClippedInput, surgery_of


def net_of(*weights, biases) -> nn.Sequential:
    """Linear layers with ReLU between them."""
    parts: list[nn.Module] = []
    for weight, bias in zip(weights, biases, strict=True):
        layer = nn.Linear(len(weight[0]), len(weight))
        layer.weight.data, layer.bias.data = torch.tensor(weight).float(), torch.tensor(bias).float()
        parts += [nn.ReLU(), layer]
    return nn.Sequential(*parts[1:])


@pytest.fixture
def three_pixels():
    """The last pixel is 2 in all samples."""
    x = np.array([[0, 2, 2], [2, 0, 2], [2, 2, 2], [0, 0, 2]] * 2, np.float32)
    return replace(split("three", x, np.arange(8) // 4, x[:2], np.arange(2), validation=0.25), mean=(0.0,), std=(1.0,))


def test_what_is_in_vain_by_hand(three_pixels):
    net = net_of(
        # Unit 0 sees two pixels, one of which never varies; unit 1 has no inputs; unit 2 leads nowhere; unit 3 is never positive.
        [[1, 0, 3], [0, 0, 0], [1, 1, 0], [-1, -1, 0]],
        [[2, 5, 0, 7], [1, 1, 0, 7]],
        biases=[[0.5, 4, 9, -1], [0.25, 0]],
    )
    before = net(torch.tensor([[0.0, 2, 2], [2, 0, 2]])).detach()
    RemoveDead()(net, Context(three_pixels, seed=0))
    first, last = layers(net).values()
    assert first.weight.tolist() == [[1, 0, 0], [0, 0, 0], [0, 0, 0], [0, 0, 0]]
    assert first.bias.tolist() == [0.5 + 3 * 2, 0, 0, 0]
    assert last.weight.tolist() == [[2, 0, 0, 0], [1, 0, 0, 0]]
    assert last.bias.tolist() == [0.25 + 5 * 4, 0 + 1 * 4]  # of the unit without inputs, which always said 4
    torch.testing.assert_close(net(torch.tensor([[0.0, 2, 2], [2, 0, 2]])), before)


@pytest.mark.parametrize("factory", [partial(MLP, widths=[40, 20]), partial(LeNet5), partial(ResNet, depth=8)], ids=str)
@pytest.mark.parametrize("sparsity", [0.9, 0.99])
def test_the_net_answers_as_before_and_has_less(factory, sparsity):
    data = Digits().load() if factory.func is not LeNet5 else images()
    torch.manual_seed(int(1000 * sparsity))
    net = build(factory, data.input_shape, data.classes).eval()
    Prune(sparsity)(net, Context(data, seed=1))
    inputs, _ = data.batch(data.train, torch.arange(len(data.train)))
    before, held = net(inputs).detach(), alive(net)
    RemoveDead()(net, Context(data, seed=2))
    torch.testing.assert_close(net(inputs), before, rtol=1e-4, atol=1e-5)
    assert alive(net) <= held
    once = {name: tensor.clone() for name, tensor in net.state_dict().items()}
    RemoveDead()(net, Context(data, seed=3))
    assert all(torch.equal(tensor, once[name]) for name, tensor in net.state_dict().items())  # nothing is left to do


class Shallow(nn.Module):
    """Two layers, with whatever stands between them."""

    def __init__(self, input_shape, classes, between):
        super().__init__()
        self.first, self.between, self.last = nn.Linear(math.prod(input_shape), 40), between(), nn.Linear(40, classes)

    def forward(self, x):
        return self.last(self.between(self.first(x.flatten(1))))


def normed_relu():
    """ReLU behind BatchNorm whose means are far from 0, as training leaves them."""
    norm = nn.BatchNorm1d(40)
    norm.running_mean = torch.randn(40) * 5 - 4
    return nn.Sequential(norm, nn.ReLU())


def layer_norm():
    return nn.Sequential(nn.LayerNorm(40), nn.ReLU())


def quantized():
    edit = ClippedInput("", bits=4, learned=False)
    made = edit.make(nn.Identity())
    made.edit = edit
    return made


@pytest.mark.parametrize("between", [normed_relu, layer_norm, quantized, nn.Hardtanh, nn.ReLU6, nn.Sigmoid])
def test_what_saturates_or_takes_the_mean_away_is_alive(between):
    data = Digits().load()
    torch.manual_seed(0)
    net = build(partial(Shallow, between=between), data.input_shape, data.classes).eval()
    net.first.weight.data *= 20
    Prune(0.8, allocation=Uniform())(net, Context(data, seed=1))
    set_mask(net.last, mask_of(net.last) & (torch.arange(40) != 3))
    inputs, _ = data.batch(data.train, torch.arange(len(data.train)))
    before = net(inputs).detach()
    RemoveDead()(net, Context(data, seed=2))
    torch.testing.assert_close(net(inputs), before, rtol=1e-4, atol=1e-4)
    assert mask_of(net.first)[3].any() == (between is layer_norm)  # where flow does not tell, nothing is cut
    assert mask_of(net.first).any(1).sum() > 20


def test_shared_weights_stay_shared():
    data = Digits().load()
    torch.manual_seed(0)
    net = build(partial(MLP, widths=[30]), data.input_shape, data.classes)
    Prune(0.95)(net, Context(data, seed=1))
    Quantize(KMeans(3))(net, Context(data, seed=2))
    tables = [set(layer.weight.unique().tolist()) for layer in layers(net).values()]
    inputs, _ = data.batch(data.train, torch.arange(100))
    before = net.eval()(inputs).detach()
    RemoveDead()(net, Context(data, seed=3))
    torch.testing.assert_close(net(inputs), before, rtol=1e-4, atol=1e-5)
    assert all(
        set(layer.weight.unique().tolist()) <= table | {0} for layer, table in zip(layers(net).values(), tables, strict=True)
    )


def alive(net: nn.Module) -> int:
    return sum(int(mask_of(layer).sum()) for layer in layers(net).values())


def images():
    random = np.random.default_rng(0)
    x = random.random((60, 1, 28, 28)).astype(np.float32)
    return split("noise", x, np.arange(60) % 10, x[:10], np.arange(10), validation=0.2)


# Biases


def test_rounding_by_hand():
    # |q| ≤ 3 and max 1.4: the least power of two that reaches it is 1/2.
    assert rounded(torch.tensor([1.4, -0.3, 0.2, 0.0]), 3).tolist() == [1.5, -0.5, 0, 0]
    assert rounded(torch.tensor([1.5, 0.25, -0.25]), 3).tolist() == [1.5, 0, 0]  # half to even, and no −0
    assert rounded(torch.zeros(3), 3).tolist() == [0, 0, 0]
    assert rounded(torch.zeros(0), 3).tolist() == []


@given(st.lists(st.floats(-(2.0**100), 2.0**100, width=32), min_size=1, max_size=20), st.integers(2, 13))
def test_rounded_values_are_few_whole_numbers(values, bits):
    values = torch.tensor(values)
    found = rounded(values, bits).double()
    if largest := float(values.abs().max()):
        unit = 2.0 ** np.ceil(np.log2(largest / (2 ** (bits - 1) - 1)))
        numbers = found / unit
        assert torch.equal(numbers, numbers.round())
        assert numbers.abs().max() <= 2 ** (bits - 1) - 1 or unit < 2.0**-149
        assert ((found - values).abs() <= unit / 2 * (1 + 1e-9)).all()
    assert not (found.signbit() & (found == 0)).any()


def test_only_biases_are_rounded(two_samples):
    net = nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2), nn.Linear(2, 2, bias=False))
    before = {name: tensor.clone() for name, tensor in net.state_dict().items()}
    net[0].bias.data = torch.tensor([0.7, 0.1])
    Round(2)(net, Context(two_samples, seed=0))
    assert net[0].bias.tolist() == [1, 0]
    assert all(torch.equal(tensor, before[name]) for name, tensor in net.state_dict().items() if name != "0.bias")


def test_codebooks_are_rounded_and_a_shared_one_stays_shared(two_samples):
    net = build(partial(MLP, widths=[4]), (2,), 2)
    Quantize(KMeans(2, scope="net"))(net, Context(two_samples, seed=0))
    first, last = (quantizer_of(layer) for layer in layers(net).values())
    first.table.data = torch.tensor([-0.3, 1.4])
    Round(table_bits=3)(net, Context(two_samples, seed=0))
    assert first.table is last.table
    assert first.table.tolist() == [-0.5, 1.5]
    assert {abs(value) for value in net.layers[0].weight.unique().tolist()} <= {0, 0.5, 1.5}


def test_learned_steps_are_rounded_and_the_file_keeps_them_in_three_bytes_each(two_samples):
    net = build(partial(MLP, widths=[4]), (2,), 2)
    Quantize(LSQ(bits=3))(net, Context(two_samples, seed=0))
    steps = [quantizer_of(layer).step for layer in layers(net).values()]
    raw = len(pack_tables([step.detach().numpy() for step in steps]))
    before = [step.item() for step in steps]
    for layer in layers(net).values():
        latent(layer).data[0, 0] = quantizer_of(layer).step.item() * 1.4999  # so near to the next code that a step may pass it
    codes = [codes_of(layer).codes for layer in layers(net).values()]
    Round(table_bits=9)(net, Context(two_samples, seed=0))
    # |q| is between 128 and 255, so that the nearest one is at most 1/256 away.
    assert all(abs(step.item() / old - 1) <= 2**-8 for step, old in zip(steps, before, strict=True))
    assert len(pack_tables([step.detach().numpy() for step in steps])) <= 1 + 2 + 2 * 3 < raw
    assert all(torch.equal(codes_of(layer).codes, old) for layer, old in zip(layers(net).values(), codes, strict=True))
    answers = net(two_samples.train.x.float())
    header = {"model": net_spec(partial(MLP, widths=[4]), (2,), 2, surgery_of(net)), "data": "x", "mean": [0.0], "std": [1.0]}
    assert torch.equal(decode(encode(net, header))(two_samples.train.x.float()), answers)
