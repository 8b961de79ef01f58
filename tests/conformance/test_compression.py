"""What every criterion, allocation, quantizer and stage keeps to."""

import copy
import functools

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from lightexp.artifact import decode, encode
from lightexp.data import Splits, split
from lightexp.errors import ConfigError
from lightexp.models import MLP, net_spec
from lightexp.prune import Structured, Threshold
from lightexp.quantize import LSQ, LayerWeight, Quantizer, Uniform
from lightexp.reparam import codes_of, layers, mask_of, rebuild, set_mask, set_quantizer, spec_of, strip
from lightexp.stages import Context, Prune, Quantize
from lightexp.statistics.gather import gather
from lightexp.statistics.probe import DataProbe
from tests.normed import bits, copied, normed
from tests.normed import from_its_file as normed_from_its_file


def weights(net: nn.Module) -> dict[str, bytes]:
    return bits({name: layer.weight for name, layer in layers(net).items()})


def zeros(net: nn.Module) -> int:
    return sum(int((layer.weight == 0).sum()) for layer in layers(net).values())


def from_its_file(net: nn.Module) -> nn.Module:
    factory = functools.partial(MLP, widths=[20])
    return decode(encode(net, {"model": net_spec(factory, (1, 8, 8), 10), "data": "digits", "mean": [0.0], "std": [1.0]}))


# Criteria


@pytest.fixture
def normalised() -> nn.Module:
    """All that a criterion may look for: 1480 prunable weights, and a batch normalisation whose units differ."""
    torch.manual_seed(0)
    net = nn.Sequential(nn.Flatten(), nn.Linear(64, 20), nn.BatchNorm1d(20), nn.ReLU(), nn.Linear(20, 10))
    nn.init.uniform_(net[2].weight, -1, 1)
    return net


def test_a_criterion_scores_every_weight_the_same_each_time(criterion, normalised, digits):
    net = normalised
    before, scores = bits(net.state_dict()), []
    for _ in range(2):
        statistics = gather(net, digits, criterion.needs, batches=2, seed=1)
        scores.append({name: criterion(layer.weight.detach(), statistics[name]) for name, layer in layers(net).items()})
    for name, layer in layers(net).items():
        assert scores[0][name].shape == layer.weight.shape
        assert scores[0][name].isfinite().all()
    assert any(len(layer.unique()) > 1 for layer in scores[0].values())
    assert bits(scores[0]) == bits(scores[1])
    assert bits(net.state_dict()) == before


def test_a_criterion_prunes_to_the_weight_and_brings_none_back(criterion, normalised, digits):
    net = normalised
    Prune(0.7, criterion).check(net)
    gone = {name: torch.zeros_like(mask_of(layer)) for name, layer in layers(net).items()}
    for sparsity in (0.3, 0.7):
        Prune(sparsity, criterion, batches=1)(net, Context(digits, seed=1))
        assert zeros(net) == round(sparsity * 1480)
        assert not any((mask_of(layer) & gone[name]).any() for name, layer in layers(net).items())
        gone = {name: ~mask_of(layer) for name, layer in layers(net).items()}


def test_a_threshold_cuts_what_a_criterion_scores_no_higher(criterion, normalised, digits):
    statistics = gather(normalised, digits, criterion.needs, batches=2, seed=1)
    scores = {name: criterion(layer.weight.detach(), statistics[name]) for name, layer in layers(normalised).items()}
    tau = max(0.0, torch.cat([layer.reshape(-1) for layer in scores.values()]).median().item())
    Prune(None, criterion, Threshold(tau), batches=2)(normalised, Context(digits, seed=1))
    assert bits({name: mask_of(layer) for name, layer in layers(normalised).items()}) == bits(
        {name: layer > tau for name, layer in scores.items()}
    )


# Allocations


@pytest.mark.parametrize("sparsity", [0.0, 0.29, 0.5, 0.9, 0.99])
def test_an_allocation_keeps_exactly_what_was_asked_for_and_the_dead_last(allocation, sparsity):
    random = torch.Generator().manual_seed(0)
    # Hundreds of weights, so that every share falls on whole weights in each layer too.
    scores = {str(at): torch.rand(shape, generator=random) for at, shape in enumerate([(10, 5, 2), (10, 10, 3, 1), (20, 10)])}
    alive = {name: torch.rand(layer.shape, generator=random) > 0.3 for name, layer in scores.items()}
    scores = {name: layer.masked_fill(~alive[name], -torch.inf) for name, layer in scores.items()}
    before = bits(scores)
    if isinstance(allocation, Structured):
        try:
            allocation.check(scores, sparsity)
        except ConfigError as error:
            sparsity = float(str(error).split()[-1])
    masks, again = (allocation(scores, sparsity if allocation.takes_sparsity else None) for _ in range(2))
    assert {name: (mask.shape, mask.dtype) for name, mask in masks.items()} == {
        n: (s.shape, torch.bool) for n, s in scores.items()
    }
    assert bits(masks) == bits(again)
    assert bits(scores) == before
    kept, wanted = sum(int(mask.sum()) for mask in masks.values()), 600 - round(600 * sparsity)
    if isinstance(allocation, Structured):
        groups = {name: allocation.groups(name, layer, name == "2") for name, layer in scores.items()}
        largest = max(members.shape[1] for members in groups.values() if len(members) > 1)
        assert abs(kept - min(wanted, sum(int(part.sum()) for part in alive.values()))) <= largest
        for name, members in groups.items():
            assert members.flatten().sort().values.tolist() == list(range(scores[name].numel()))
            for one in members:
                assert (
                    torch.equal(masks[name].flatten()[one], alive[name].flatten()[one]) or not masks[name].flatten()[one].any()
                )
    elif allocation.takes_sparsity:
        assert kept == wanted
    for name, mask in masks.items():
        assert not mask[~alive[name]].any() or mask[alive[name]].all()


# Calibrations


@pytest.mark.parametrize("kind", ["symmetric", "affine"])
def test_a_calibration_gives_each_row_a_grid_of_its_own_with_zero_on_it(calibration, kind):
    values = torch.randn(3, 500, generator=torch.Generator().manual_seed(0)) * torch.tensor([[1.0], [100.0], [0.0]])
    before = bits({"": values})
    one, again = (getattr(calibration, kind)(values, 4) for _ in range(2))
    alone = getattr(calibration, kind)(values[1:2], 4)
    assert bits(one._asdict()) == bits(again._asdict())
    assert torch.equal(one.step[1:2], alone.step)
    assert all(part.shape == (3, 1) and part.isfinite().all() for part in one)
    assert ((one.step > 0) & (one.lowest <= 0) & (one.highest >= 0)).all()
    assert (one.highest - one.lowest == (14 if kind == "symmetric" else 15)).all()
    assert ((one.nearest(values) - values).norm(dim=1) <= 0.5 * values.norm(dim=1)).all()
    assert not one.nearest(torch.zeros_like(values)).any()
    assert bits({"": values}) == before


# Quantizers


def quantized(net: nn.Module, quantizer: Quantizer, data: Splits, seed: int = 1) -> nn.Module:
    """Half of the first layer is pruned."""
    first = next(iter(layers(net).values()))
    set_mask(first, torch.arange(first.weight.numel()).reshape(first.weight.shape) % 2 == 0)
    found = {name: LayerWeight(layer.weight.detach(), mask_of(layer)) for name, layer in layers(net).items()}
    for name, parametrization in quantizer.fit(found, seed, DataProbe(net, data, batches=1, seed=seed)).items():
        set_quantizer(layers(net)[name], parametrization)
    return net.eval()  # a stochastic weight is a fixed one only then


def test_a_quantizer_gives_codes_that_are_the_weight_bit_for_bit(quantizer, net, digits):
    before = {name: layer.weight.detach().clone() for name, layer in layers(net).items()}
    quantized(net, quantizer, digits)
    for name, layer in layers(net).items():
        code = codes_of(layer)
        assert (code.codes.dtype, code.codes.shape) == (torch.int32, layer.weight.shape)
        assert bits({"": code.decode()}) == bits({"": layer.weight})
        assert bits({"": codes_of(layer).codes}) == bits({"": code.codes})
        assert not layer.weight[~mask_of(layer)].any()
        assert not code.codes[~mask_of(layer)].any()
        assert all(len(row.unique()) <= 2**code.bits for row in layer.weight)
        assert (layer.weight - before[name] * mask_of(layer)).norm() < before[name].norm()
    assert weights(from_its_file(net)) == weights(net)


def test_a_quantizer_is_a_function_of_weights_and_seed(quantizer, net, digits):
    one, other = (quantized(copy.deepcopy(net), quantizer, digits) for _ in range(2))
    assert weights(one) == weights(other)


def test_what_a_quantizer_made_trains_and_is_rebuilt(quantizer, net, digits):
    plain = copy.deepcopy(net)
    quantized(net, quantizer, digits)
    inputs, labels = digits.batch(digits.train, torch.arange(64))
    optimizer = torch.optim.SGD([p for p in net.parameters() if p.requires_grad], lr=0.5, momentum=0.9)
    before = weights(net)
    net.train()
    for _ in range(5):
        optimizer.zero_grad()
        nn.functional.cross_entropy(net(inputs), labels).backward()
        optimizer.step()
    net.eval()
    plain.eval()
    assert weights(net) != before
    assert weights(rebuild(plain, spec_of(net), net.state_dict())) == weights(net) == weights(from_its_file(net))


@pytest.mark.parametrize("size", [1, 3])
def test_a_quantizer_takes_layers_that_are_dead_or_tiny(quantizer, size):
    net = nn.Sequential(nn.Linear(size, size), nn.Linear(size, 2))
    set_mask(net[0], torch.zeros(size, size, dtype=torch.bool))
    set_mask(net[1], torch.ones(2, size, dtype=torch.bool))
    found = {name: LayerWeight(layer.weight.detach(), mask_of(layer)) for name, layer in layers(net).items()}
    data = split("tiny", np.eye(20, size), np.arange(20) % 2, np.eye(20, size), np.arange(20) % 2, validation=0.5)
    for name, parametrization in quantizer.fit(found, 0, DataProbe(net, data, batches=1, seed=0)).items():
        set_quantizer(layers(net)[name], parametrization)
    assert not net[0].weight.any()
    assert net(torch.ones(2, size)).isfinite().all()


# Sensitivities


def test_a_sensitivity_costs_every_choice_the_same_each_time_and_fewer_bits_more(sensitivity, net, digits):
    before, mode = weights(net), net.training
    found = {name: LayerWeight(layer.weight.detach(), mask_of(layer)) for name, layer in layers(net).items()}
    codes = {
        name: {bits: Uniform(bits).fit({name: layer}, 0, None)[name].code(layer.weight) for bits in (2, 5, 8)}
        for name, layer in found.items()
    }
    one, again = (sensitivity(found, codes, DataProbe(net, digits, batches=2, seed=1)) for _ in range(2))
    assert {name: set(costs) for name, costs in one.items()} == {name: {2, 5, 8} for name in layers(net)}
    assert one == again
    assert np.isfinite([list(costs.values()) for costs in one.values()]).all()
    assert all(costs[2] > costs[5] for costs in one.values())
    assert (weights(net), net.training) == (before, mode)


# Stages


def test_a_stage_is_a_pure_function_that_ends_in_a_file(stage, digits):
    def teacher(batch) -> Tensor:
        return nn.functional.one_hot(batch[1], 10) * 5.0

    results = []
    stage.check(normed(0))
    for _ in range(2):
        start = normed(0)
        if stage.needs_pruned:
            Prune(0.5)(start, Context(digits, seed=1))
        if stage.needs_codes:
            Quantize(LSQ(bits=3))(start, Context(digits, seed=1))
        before, held = bits(start.state_dict()), zeros(start)
        context = Context(digits, seed=1, teacher=teacher, earlier=normed(1), fresh=functools.partial(normed, 2))
        torch.rand(len(results))  # what was drawn before plays no part
        results.append(stage(start, context))
        assert len(context.curve) == stage.budget() + sum(part.budget() for _, part in stage.parts())
    one, other = results
    assert bits(one.state_dict()) == bits(other.state_dict()) != before
    assert bits(copied(one).state_dict()) == bits(one.state_dict())
    assert bits(normed_from_its_file(one).state_dict()) == bits(strip(one).state_dict())
    if stage.needs_pruned:
        assert zeros(one) == held
    if stage.sparsity is not None:
        assert zeros(one) == round(stage.sparsity * 1480)
