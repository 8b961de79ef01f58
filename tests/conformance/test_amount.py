"""What every amount to take away keeps to."""

import copy

import pytest
import torch

from lightexp.slim import cut, trace
from tests.normed import bits, normed

SHAPE = (1, 8, 8)


def test_an_amount_costs_a_smaller_net_no_more_and_leaves_it_alone(amount):
    net = normed(0)
    before, training = bits(net.state_dict()), net.training
    (group,) = trace(net, torch.rand(2, *SHAPE)).groups
    costs = [amount.of(cut(copy.deepcopy(net), [(group, torch.arange(gone))]), SHAPE) for gone in (0, 5, 19)]
    assert min(costs) > 0
    if amount.exact:
        assert costs[0] >= costs[1] >= costs[2] and costs[0] > costs[2]
    assert (bits(net.state_dict()), net.training) == (before, training)


def test_an_amount_goes_its_way_in_rounds(amount):
    assert 1 - amount.partway(0.5).share == pytest.approx((1 - amount.share) ** 0.5)
    assert amount.partway(1.0) == amount
    assert type(amount.partway(0.5)) is type(amount)
