"""Training towards short codes: the gradient by hand, and files that it makes smaller."""

from functools import partial
from math import log2

import pytest
import torch
from torch import nn

from lightexp.artifact import encode
from lightexp.data import Digits
from lightexp.errors import ConfigError
from lightexp.models import MLP, build, net_spec
from lightexp.quantize import LSQ
from lightexp.reparam import LearnedStep, Mask, latent, layers, quantizer_of, set_mask, set_quantizer
from lightexp.stages import Chain, Context, Fit, Quantize, Shorten
from lightexp.stages.shorten import Rate


@pytest.fixture(scope="module")
def digits():
    return Digits().load()


def test_bits_by_hand():
    # Codes 1 and 2 survive in one row of four: the row has 2 + 1, a column 1 + 1/4 or 1/4, of 2 · 1.5² in all.
    survives, values = Rate(nn.Linear(4, 1), LearnedStep(torch.tensor([0.5]), bits=3)).bits(torch.tensor([1.0, 2, 0, 0]))
    chance = 3 * 1.25 / 4.5
    assert survives.tolist() == pytest.approx([log2((1 - chance) / chance)] * 2 + [log2(5)] * 2, abs=1e-5)
    # Counts and a half each for the seven codes but 0: 1.5 of 5.5 for those that are there.
    rare, common = log2(11), log2(5.5 / 1.5)
    assert values.tolist() == pytest.approx([rare, rare, rare, rare, 0, common, common, rare])


def test_the_gradient_by_hand():
    layer = nn.Linear(5, 1)
    layer.weight.data = torch.tensor([[0.3, 0.9, -0.2, -9.0, 0.3]])  # 0.6, 1.8, −0.4 and −18 steps; the last is pruned
    set_quantizer(layer, LearnedStep(torch.tensor([0.5]), bits=3))
    set_mask(layer, torch.tensor([[True, True, True, True, False]]))
    quantizer = quantizer_of(layer)
    latent(layer).grad, quantizer.step.grad = torch.zeros(1, 5), torch.zeros(1)
    rate = Rate(layer, quantizer)
    survives, values = rate.bits(torch.tensor([1.0, 2, 0, -4]))
    rate.add_gradient(0.1)
    slopes = [float(values[5] + survives[0]), float(values[6] - values[5]), -float(values[3] + survives[2]), 0, 0]
    assert latent(layer).grad.tolist()[0] == pytest.approx([0.1 * slope / 0.5 for slope in slopes], abs=1e-5)
    assert quantizer.step.grad.item() == pytest.approx(
        -0.1 / 0.5 * (0.6 * slopes[0] + 1.8 * slopes[1] - 0.4 * slopes[2]), abs=1e-4
    )


def test_the_layout_of_a_convolution_does_not_matter():
    torch.manual_seed(0)
    found = []
    for layout in (torch.contiguous_format, torch.channels_last):
        layer = nn.Conv2d(3, 4, 3).to(memory_format=layout)
        layer.weight.data.copy_(torch.linspace(-1, 1, 108).reshape(4, 3, 3, 3))
        set_quantizer(layer, LearnedStep(torch.tensor([0.2]), bits=3))
        quantizer = quantizer_of(layer)
        latent(layer).grad, quantizer.step.grad = torch.zeros_like(latent(layer)), torch.zeros(1)
        Rate(layer, quantizer).add_gradient(1.0)
        found.append(latent(layer).grad.flatten())
    assert torch.equal(*found) and found[0].any()


def test_the_gradient_of_steps_a_row_is_that_of_each_row_alone():
    torch.manual_seed(0)
    weight, steps = torch.randn(2, 6), torch.tensor([0.3, 0.5])
    both = nn.Linear(6, 2)
    both.weight.data = weight.clone()
    set_quantizer(both, LearnedStep(steps.clone(), bits=3))
    quantizer = quantizer_of(both)
    latent(both).grad, quantizer.step.grad = torch.zeros(2, 6), torch.zeros(2)
    Rate(both, quantizer).add_gradient(1.0)
    gradient = latent(both).grad
    assert quantizer.step.grad.tolist() == pytest.approx((-(gradient * weight / steps[:, None]).sum(1)).tolist(), rel=1e-5)


def test_a_net_trained_towards_short_codes_takes_fewer_bytes(digits):
    def file_bytes(*strength):
        torch.manual_seed(0)
        net = build(partial(MLP, widths=[20]), (1, 8, 8), 10)
        context = Context(digits, seed=0)
        net = Fit(epochs=3)(net, context)
        net = Quantize(LSQ(bits=3))(net, context)
        net = Shorten(Fit(epochs=4), *strength)(net, context) if strength else Fit(epochs=4)(net, context)
        about = {"data": "digits", "mean": [0.0], "std": [1.0], "model": net_spec(partial(MLP, widths=[20]), (1, 8, 8), 10)}
        return len(encode(net, about))

    # What is 0 stays so.
    net = Quantize(LSQ(bits=3))(build(partial(MLP, widths=[20]), (1, 8, 8), 10), Context(digits, seed=0))
    Shorten(Fit(epochs=2), 3e-4)(net, Context(digits, seed=0))
    zeros = [layer.weight == 0 for layer in layers(net).values()]
    Fit(epochs=2)(net, Context(digits, seed=1))
    assert sum(int(zero.sum()) for zero in zeros) > 200
    assert not any(layer.weight[zero].any() for layer, zero in zip(layers(net).values(), zeros, strict=True))

    without, little, much = file_bytes(), file_bytes(1e-5), file_bytes(3e-4)
    assert much < 0.8 * without and much < little < without


def test_it_needs_learned_steps(digits):
    net = build(partial(MLP, widths=[4]), (1, 8, 8), 10)
    for layer in layers(net).values():
        set_mask(layer, torch.ones_like(layer.weight, dtype=torch.bool))
        assert isinstance(layer.parametrizations.weight[0], Mask)
    with pytest.raises(
        ConfigError, match="no layer has a step that is learned: put a stage quantize with quantizer=lsq ahead of it"
    ):
        Shorten(Fit(epochs=1))(net, Context(digits, seed=0))
    with pytest.raises(ConfigError, match="stage short: nothing has quantized the weights by then"):
        Chain(MLP, {"train": Fit(epochs=1), "short": Shorten(Fit(epochs=1))})
