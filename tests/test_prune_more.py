"""Criteria of gradients and entropy, and allocations by shape, by hand."""

import math

import pytest
import torch
from torch import nn

from lightexp.errors import ConfigError
from lightexp.prune import ERK, SNIP, Criterion, Fisher, NofM, PerLayer, Statistics, Taylor, WeightEntropy
from lightexp.spec import spec
from lightexp.stages import Context, Prune
from lightexp.statistics.gather import gather

WEIGHT = torch.tensor([[2.0, -1.0], [0.5, 0.0]])


def known(**figures: torch.Tensor) -> Statistics:
    return Statistics(torch.Generator(), **figures)


@pytest.mark.parametrize("criterion", [Taylor(), SNIP()])
def test_taylor_is_weight_times_mean_gradient(criterion):
    mean = torch.tensor([[-0.5, 3.0], [2.0, 9.0]])
    assert criterion(WEIGHT, known(mean_gradient=mean)).tolist() == [[1.0, 3.0], [1.0, 0.0]]


def test_fisher_is_half_the_squared_gradient_times_the_squared_weight():
    square = torch.tensor([[0.5, 4.0], [8.0, 1.0]])
    assert Fisher()(WEIGHT, known(squared_gradient=square)).tolist() == [[1.0, 2.0], [1.0, 0.0]]


def test_gradients_of_batches_are_averaged_in_three_ways(two_samples):
    net = nn.Sequential(nn.Linear(2, 2, bias=False))
    nn.init.zeros_(net[0].weight)
    found = gather(net, two_samples, frozenset({"mean_gradient"}), batches=3, seed=0)["0"]
    # One batch only, so the three are one gradient: see test_gradient_of_a_linear_net_by_hand for its numbers.
    wanted = torch.tensor([[-1.0, 0.5], [1.0, -0.5]]) / 1.6583
    torch.testing.assert_close(found.mean_gradient, wanted, rtol=1e-4, atol=0)
    torch.testing.assert_close(found.squared_gradient, wanted.square(), rtol=1e-4, atol=0)
    torch.testing.assert_close(found.gradient, wanted.abs(), rtol=1e-4, atol=0)


def test_weight_entropy_is_the_information_of_the_bin():
    # Bins of [0.1, 1.1] in two: 0.1 0.2 0.3 lie in the first, 1.1 in the second: −log2 ¾ and −log2 ¼; the zero does not count.
    scores = WeightEntropy(bins=2)(torch.tensor([[0.1, 0.2, 0.3], [1.1, 0.0, 0.1]]), known())
    common, rare = -math.log2(4 / 5), -math.log2(1 / 5)
    torch.testing.assert_close(scores[0], torch.full((3,), common))
    assert scores[1, 0].item() == pytest.approx(rare)


def test_erk_by_hand():
    # Densities ∝ (2 + 2) / 4 = 1 and (8 + 4) / 32 = 0.375. At half of 36 weights, 18 stay: factor f with 4f + 12f = 18 is
    # 1.125, so the small layer would pass 1 and stays whole; the other keeps the remaining 14.
    scores = {"small": torch.rand(2, 2), "large": torch.rand(8, 4)}
    masks = ERK()(scores, 0.5)
    assert {name: int(mask.sum()) for name, mask in masks.items()} == {"small": 4, "large": 14}
    # At a quarter, 9 stay: f = 9/16, so 4·f·1 = 2.25 and 32·f·0.375 = 6.75, of which the larger remainder is rounded up.
    masks = ERK()(scores, 0.75)
    assert {name: int(mask.sum()) for name, mask in masks.items()} == {"small": 2, "large": 7}


def test_two_of_four_by_hand():
    scores = torch.tensor([[1.0, 4.0, 3.0, 2.0, 8.0, 5.0, 5.0, 5.0]])
    assert NofM(2, 4)({"a": scores}, None)["a"].int().tolist() == [[0, 1, 1, 0, 1, 1, 0, 0]]


def test_rows_that_do_not_divide_are_refused_before_training():
    net = nn.Sequential(nn.Linear(6, 3))
    with pytest.raises(ConfigError, match="layer 0 has rows of 6 weights, which 4 does not divide"):
        Prune(None, allocation=NofM(2, 4)).check(net)
    with pytest.raises(ConfigError, match="4:4 prunes nothing"):
        NofM(4, 4)


def test_a_criterion_of_another_shape_is_named():
    net = nn.Sequential(nn.Linear(6, 3))
    with pytest.raises(ConfigError, match=r"PerRow gives scores of shape \[3, 1\] for the weights of layer 0, which have \[3, 6\]"):
        Prune(0.5, criterion=PerRow())(net, Context(None, seed=0))


@spec
class PerRow(Criterion):
    def __call__(self, weight, statistics):
        return weight.abs().sum(1, keepdim=True)


def test_what_an_allocation_needs_is_asked_of_the_net_that_there_is():
    net = nn.Sequential(nn.Linear(8, 3))
    Prune(None, allocation=PerLayer({"0.1": 0.5})).check(net)  # a layer that factorizing may make
    with pytest.raises(ConfigError, match="no layer '0.1' to prune"):
        Prune(None, allocation=PerLayer({"0.1": 0.5}))(net, Context(None, seed=0))
    with pytest.raises(ConfigError, match="which 4 does not divide"):
        Prune(None, allocation=NofM(2, 4))(nn.Sequential(nn.Linear(6, 3)), Context(None, seed=0))


def test_each_layer_is_cut_to_its_own_share():
    scores = {"a": torch.tensor([1.0, 2.0, 3.0, 4.0]), "b": torch.tensor([5.0, 6.0])}
    masks = PerLayer({"a": 0.75})(scores, None)
    assert {name: mask.int().tolist() for name, mask in masks.items()} == {"a": [0, 0, 0, 1], "b": [1, 1]}
    with pytest.raises(ConfigError, match="no layer 'c' to prune; there are: 0"):
        Prune(None, allocation=PerLayer({"c": 0.5})).check(nn.Sequential(nn.Linear(2, 2)))
