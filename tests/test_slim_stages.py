"""Slimming among other stages: masks, criteria, rounds, new weights, and training towards channels of 0."""

import copy
from functools import partial

import numpy as np
import pytest
import torch
from torch import nn

from lightexp.data import Digits, Splits, split
from lightexp.errors import ConfigError
from lightexp.models import MLP, build
from lightexp.prune import BatchNormScale, FilterNorm, Rows
from lightexp.quantize import KMeans
from lightexp.reparam import layers, mask_of, set_mask
from lightexp.slim import Channels, Group, MACs
from lightexp.stages import (
    Context,
    Fit,
    Prune,
    Quantize,
    Reinitialise,
    RemoveDead,
    ShrinkFilters,
    ShrinkScales,
    Slim,
    SlimIteratively,
)
from lightexp.stages.shrink import shrink_group, shrink_scales
from tests.slimming import NETS, fresh, slimmed


@pytest.fixture(scope="module")
def digits() -> Splits:
    return Digits().load()


# With other stages


def test_masks_are_cut_along_and_quantized_weights_refused(digits):
    net = fresh("mlp")
    Prune(0.5)(net, Context(digits, seed=1))
    before = {name: (layer.weight.clone(), mask_of(layer)) for name, layer in layers(net).items()}
    slimmed(Slim(Channels(0.3)), net, digits)
    for name, layer in layers(net).items():
        assert not layer.weight[~mask_of(layer)].any()
        assert 0 < int((~mask_of(layer)).sum()) < int((~before[name][1]).sum())
    Quantize(KMeans(3))(net, Context(digits, seed=2))
    with pytest.raises(ConfigError, match="layer layers.0 has quantized weights"):
        slimmed(Slim(Channels(0.5)), net, digits)


@pytest.mark.parametrize("name", ["mlp", "lenet5"])
def test_what_is_in_vain_is_cut_without_another_answer(name):
    shape = NETS[name][1]
    x = np.random.default_rng(0).random((60, *shape)).astype(np.float32)
    data, net = split("noise", x, np.arange(60) % 10, x[:10], np.arange(10), validation=0.2), fresh(name)
    Prune(0.5, FilterNorm(), Rows())(net, Context(data, seed=1))
    seen, _ = data.batch(data.train, torch.arange(len(data.train)))
    RemoveDead()(net, Context(data, seed=1))  # what cut neurons say all the time joins the biases behind them
    before, rows = net(seen).detach(), [mask_of(layer).flatten(1).any(1) for layer in layers(net).values()]
    dead = sum(int((~alive).sum()) for alive in rows)
    assert dead > 3
    slimmed(Slim(Channels(dead / sum(map(len, rows)) - 1e-9), scale="none"), net, data)
    assert [len(layer.weight) for layer in layers(net).values()] == [int(alive.sum()) for alive in rows]
    torch.testing.assert_close(net(seen), before, rtol=1e-4, atol=1e-5)


def test_a_criterion_of_normalisations_scores_their_layers(digits):
    net = fresh("bn_mlp")
    weakest = net.norms[0].weight.abs().argmin()
    kept = torch.arange(12) != weakest
    net.norms[0].weight.data[weakest] = 0.01
    expected = net.layers[0].weight[kept].clone()
    slimmed(Slim(Channels(1 / 31), BatchNormScale(), scale="none"), net, digits)
    assert torch.equal(net.layers[0].weight, expected)
    assert [len(norm.weight) for norm in net.norms] == [11, 9, 10]


def test_rounds_go_to_the_amount(digits):
    parts = SlimIteratively(MACs(0.75), rounds=2).parts()
    assert [(name, getattr(part, "amount", None) and part.amount.share) for name, part in parts][::2] == [
        ("1.slim", pytest.approx(0.5)),
        ("2.slim", 0.75),
    ]


def test_the_small_net_from_scratch_is_drawn_as_one_of_its_own_size(digits):
    torch.manual_seed(0)
    net = build(partial(MLP, widths=[400, 200]), (1, 8, 8), 10)
    slimmed(Slim(Channels(0.9), FilterNorm(2), scope="layer"), net, digits)
    shapes = {name: tensor.shape for name, tensor in net.state_dict().items()}
    again = partial(build, partial(MLP, widths=[400, 200]), (1, 8, 8), 10)
    torch.manual_seed(1)
    new = Reinitialise()(copy.deepcopy(net), Context(digits, seed=1, fresh=again))
    assert {name: tensor.shape for name, tensor in new.state_dict().items()} == shapes
    for name, layer in layers(new).items():
        # The initialiser of a linear layer is U(−1/√n, 1/√n), n its inputs.
        bound = layer.in_features**-0.5
        assert layer.weight.abs().max() <= bound * (1 + 1e-6)
        assert layer.weight.abs().mean().item() == pytest.approx(bound / 2, rel=0.15)
        assert not torch.equal(layer.weight, layers(net)[name].weight)


# Learnt sparsity


def test_the_group_lasso_by_hand():
    net = nn.Sequential(nn.Linear(2, 3, bias=False), nn.BatchNorm1d(3), nn.Linear(3, 2))
    net[0].weight.data = torch.tensor([[3.0, 0], [0, 1], [0, 0]])
    net[1].weight.data = torch.tensor([4.0, 0, 0])
    set_mask(net[0], torch.tensor([[True, True], [True, True], [True, False]]))
    whole = Group({"0": torch.arange(3)[:, None], "1": torch.arange(3)[:, None]}, {"2": torch.arange(3)[:, None]})
    # Norms 5, 1 and 0; a tenth of 5 is taken from each.
    shrink_group(net, whole, 0.1)
    torch.testing.assert_close(net[0].weight, torch.tensor([[2.7, 0], [0, 0.5], [0, 0]]))
    torch.testing.assert_close(net[1].weight, torch.tensor([3.6, 0, 0]))
    shrink_group(net, whole, 0.2)  # norms 4.5 and 0.5: the second is gone
    torch.testing.assert_close(net[0].weight, torch.tensor([[2.16, 0], [0, 0], [0, 0]]))


def test_the_proximal_step_on_scales_by_hand():
    net = nn.Sequential(nn.BatchNorm1d(4), nn.BatchNorm1d(2, affine=False))
    net[0].weight.data = torch.tensor([1.0, -0.5, 0.05, 0])
    shrink_scales(net, 0.1)
    torch.testing.assert_close(net[0].weight, torch.tensor([0.9, -0.4, 0, 0]))


@pytest.mark.parametrize("kind", [ShrinkFilters, ShrinkScales])
def test_channels_get_smaller_while_the_net_trains(digits, kind):
    def trained(strength: float) -> list[float]:
        net = fresh("bn_mlp")
        for norm in net.norms:
            nn.init.ones_(norm.weight)
        kind(Fit(2), strength=strength, every=5)(net, Context(digits, seed=1))
        return [norm.weight.abs().mean().item() for norm in net.norms[:2]]

    assert all(more < 0.8 * less for more, less in zip(trained(0.02), trained(1e-6), strict=True))


def test_what_cannot_shrink_is_refused(digits):
    with pytest.raises(ConfigError, match="MLP has no batch normalisation whose scales could shrink"):
        ShrinkScales().check(fresh("mlp"))
    with pytest.raises(ConfigError, match="strength · every is 2"):
        ShrinkFilters(strength=0.1, every=20)
    net = fresh("mlp")
    Quantize(KMeans(3))(net, Context(digits, seed=2))
    with pytest.raises(ConfigError, match="read from codebooks"):
        ShrinkFilters(Fit(1))(net, Context(digits, seed=1))
