"""Statistics of batch normalisation, measured anew."""

from functools import partial

import numpy as np
import pytest
import torch
from torch import nn

from lightexp.data import Digits, split
from lightexp.measure import score
from lightexp.models import ResNet, build
from lightexp.reparam import layers
from lightexp.stages import Context, Fit, Prune, Recalibrate
from tests.normed import bits


def norm_of(*before: nn.Module) -> tuple[nn.Module, nn.BatchNorm1d]:
    norm = nn.BatchNorm1d(2, momentum=0.3)
    norm.running_mean.fill_(77.0)
    return nn.Sequential(*before, norm, nn.Dropout(0.5), nn.Linear(2, 2)), norm


@pytest.mark.parametrize("before", [(), (nn.Dropout(0.9),)])  # which must not drop anything
def test_the_statistics_of_one_batch_by_hand(two_samples, before):
    net, norm = norm_of(*before)
    weights = bits(net[-1].state_dict())
    assert Recalibrate(5)(net, Context(two_samples, seed=1)) is net
    # x = (4, 0) and (0, 2), less their mean 1.5 and over their deviation √2.75 = 1.6583.
    assert norm.running_mean.tolist() == pytest.approx([0.5 / 1.6583, -0.5 / 1.6583], rel=1e-4)
    # Unbiased of two: (4/1.6583)²/2 and (2/1.6583)²/2.
    assert norm.running_var.tolist() == pytest.approx([8 / 2.75, 2 / 2.75], rel=1e-4)
    assert (int(norm.num_batches_tracked), norm.momentum) == (1, 0.3)
    assert bits(net[-1].state_dict()) == weights
    assert not any(module.training for module in net.modules())
    assert all(parameter.grad is None for parameter in net.parameters())


def test_whole_batches_count_alike_and_the_rest_is_left_out():
    x = np.stack([np.arange(516), np.zeros(516)], 1).astype(np.float32)
    data = split("line", x, np.arange(516) % 2, x[:4], np.arange(4) % 2, validation=0.5)
    assert len(data.train) == 2 * 128 + 2
    net, norm = norm_of()
    Recalibrate(9)(net, Context(data, seed=4))
    assert int(norm.num_batches_tracked) == 2
    order = torch.randperm(258, generator=torch.Generator().manual_seed(4))
    batches = [data.batch(data.train, order[at : at + 128])[0] for at in (0, 128)]
    torch.testing.assert_close(norm.running_mean, (batches[0].mean(0) + batches[1].mean(0)) / 2, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(norm.running_var, (batches[0].var(0) + batches[1].var(0)) / 2, rtol=1e-4, atol=1e-5)
    one = norm_of()[0]
    Recalibrate(1)(one, Context(data, seed=4))
    torch.testing.assert_close(one[0].running_mean, batches[0].mean(0), rtol=1e-4, atol=1e-5)


def test_a_net_without_batch_normalisation_stays_as_it_is(two_samples):
    net = nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2, track_running_stats=False), nn.LayerNorm(2), nn.Linear(2, 2)).eval()
    before = bits(net.state_dict())
    Recalibrate()(net, Context(two_samples, seed=1))
    assert bits(net.state_dict()) == before


def test_a_cut_convolutional_net_answers_better_for_it():
    data = Digits().load()
    torch.manual_seed(0)
    net = build(partial(ResNet, depth=8), data.input_shape, data.classes)
    Fit(2)(net, Context(data, seed=1))
    Prune(0.6)(net, Context(data, seed=2))
    before, weights = score(net, data, data.val), [layer.weight.clone() for layer in layers(net).values()]
    Recalibrate()(net, Context(data, seed=3))
    assert score(net, data, data.val).loss < before.loss
    assert all(map(torch.equal, weights, (layer.weight for layer in layers(net).values())))
