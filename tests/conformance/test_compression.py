"""What every criterion, allocation, quantizer and stage keeps to."""

import copy
import functools

import pytest
import torch
from torch import Tensor, nn

from lightexp.artifact import Coder, Range, decode, encode, parse
from lightexp.models import MLP, net_spec
from lightexp.quantize import LayerWeight, Quantizer
from lightexp.reparam import Scaled, codes_of, layers, mask_of, rebuild, set_mask, set_quantizer, spec_of
from lightexp.stages import Context, Prune
from lightexp.stages.statistics import gather

DEFAULT = Range()


def bits(tensors: dict[str, Tensor]) -> dict[str, bytes]:
    return {name: tensor.detach().contiguous().numpy().tobytes() for name, tensor in sorted(tensors.items())}


def weights(net: nn.Module) -> dict[str, bytes]:
    return bits({name: layer.weight for name, layer in layers(net).items()})


def zeros(net: nn.Module) -> int:
    return sum(int((layer.weight == 0).sum()) for layer in layers(net).values())


def encoded(net: nn.Module, coder: Coder = DEFAULT) -> bytes:
    factory = functools.partial(MLP, widths=[20])
    return encode(net, {"model": net_spec(factory, (1, 8, 8), 10), "data": "digits", "mean": [0.0], "std": [1.0]}, coder)


def from_its_file(net: nn.Module) -> nn.Module:
    return decode(encoded(net))


# Criteria


def test_a_criterion_scores_every_weight_the_same_each_time(criterion, net, digits):
    before, scores = weights(net), []
    for _ in range(2):
        statistics = gather(net, digits, criterion.needs, batches=2, seed=1)
        scores.append({name: criterion(layer.weight.detach(), statistics[name]) for name, layer in layers(net).items()})
    for name, layer in layers(net).items():
        assert scores[0][name].shape == layer.weight.shape
        assert scores[0][name].isfinite().all()
        assert len(scores[0][name].unique()) > 1
    assert bits(scores[0]) == bits(scores[1])
    assert weights(net) == before


def test_a_criterion_prunes_to_the_weight_and_brings_none_back(criterion, net, digits):
    gone = {name: torch.zeros_like(mask_of(layer)) for name, layer in layers(net).items()}
    for sparsity in (0.3, 0.7):
        Prune(sparsity, criterion, batches=1)(net, Context(digits, seed=1))
        assert zeros(net) == round(sparsity * 1480)
        assert not any((mask_of(layer) & gone[name]).any() for name, layer in layers(net).items())
        gone = {name: ~mask_of(layer) for name, layer in layers(net).items()}


# Allocations


@pytest.mark.parametrize("sparsity", [0.0, 0.29, 0.5, 0.9, 0.99])
def test_an_allocation_keeps_exactly_what_was_asked_for_and_the_dead_last(allocation, sparsity):
    random = torch.Generator().manual_seed(0)
    # Hundreds of weights, so that every share falls on whole weights in each layer too.
    scores = {str(at): torch.rand(shape, generator=random) for at, shape in enumerate([(20, 10), (10, 5, 2), (10, 10, 3, 1)])}
    alive = {name: torch.rand(layer.shape, generator=random) > 0.3 for name, layer in scores.items()}
    scores = {name: layer.masked_fill(~alive[name], -torch.inf) for name, layer in scores.items()}
    before = bits(scores)
    masks, again = (allocation(scores, sparsity if allocation.takes_sparsity else None) for _ in range(2))
    assert {name: (mask.shape, mask.dtype) for name, mask in masks.items()} == {
        n: (s.shape, torch.bool) for n, s in scores.items()
    }
    assert bits(masks) == bits(again)
    assert bits(scores) == before
    if allocation.takes_sparsity:
        assert sum(int(mask.sum()) for mask in masks.values()) == 600 - round(600 * sparsity)
    for name, mask in masks.items():
        assert not mask[~alive[name]].any() or mask[alive[name]].all()


# Quantizers


def quantized(net: nn.Module, quantizer: Quantizer, seed: int = 1) -> nn.Module:
    """Half of the first layer is pruned."""
    first = next(iter(layers(net).values()))
    set_mask(first, torch.arange(first.weight.numel()).reshape(first.weight.shape) % 2 == 0)
    found = {name: LayerWeight(layer.weight.detach(), mask_of(layer)) for name, layer in layers(net).items()}
    for name, parametrization in quantizer.fit(found, seed).items():
        set_quantizer(layers(net)[name], parametrization)
    return net


def test_a_quantizer_gives_codes_that_are_the_weight_bit_for_bit(quantizer, net):
    before = {name: layer.weight.detach().clone() for name, layer in layers(net).items()}
    quantized(net, quantizer)
    for name, layer in layers(net).items():
        code = codes_of(layer)
        assert (code.codes.dtype, code.codes.shape) == (torch.int32, layer.weight.shape)
        assert bits({"": code.decode()}) == bits({"": layer.weight})
        assert bits({"": codes_of(layer).codes}) == bits({"": code.codes})
        assert not layer.weight[~mask_of(layer)].any()
        assert not code.codes[~mask_of(layer)].any()
        assert len(layer.weight.unique()) <= 2**code.bits
        assert (layer.weight - before[name] * mask_of(layer)).norm() < before[name].norm()
    assert weights(from_its_file(net)) == weights(net)


def test_a_quantizer_is_a_function_of_weights_and_seed(quantizer, net):
    one, other = (quantized(copy.deepcopy(net), quantizer) for _ in range(2))
    assert weights(one) == weights(other)


def test_what_a_quantizer_made_trains_and_is_rebuilt(quantizer, net, digits):
    plain = copy.deepcopy(net)
    quantized(net, quantizer)
    inputs, labels = digits.batch(digits.train, torch.arange(64))
    optimizer = torch.optim.SGD([p for p in net.parameters() if p.requires_grad], lr=0.5, momentum=0.9)
    before = weights(net)
    for _ in range(5):
        optimizer.zero_grad()
        nn.functional.cross_entropy(net(inputs), labels).backward()
        optimizer.step()
    assert weights(net) != before
    assert weights(rebuild(plain, spec_of(net), net.state_dict())) == weights(net) == weights(from_its_file(net))


@pytest.mark.parametrize("size", [1, 3])
def test_a_quantizer_takes_layers_that_are_dead_or_tiny(quantizer, size):
    net = nn.Sequential(nn.Linear(size, size), nn.Linear(size, 1))
    set_mask(net[0], torch.zeros(size, size, dtype=torch.bool))
    set_mask(net[1], torch.ones(1, size, dtype=torch.bool))
    found = {name: LayerWeight(layer.weight.detach(), mask_of(layer)) for name, layer in layers(net).items()}
    for name, parametrization in quantizer.fit(found, 0).items():
        set_quantizer(layers(net)[name], parametrization)
    assert not net[0].weight.any()
    assert net(torch.ones(2, size)).isfinite().all()


# Stages


def test_a_stage_is_a_pure_function_that_ends_in_a_file(stage, net, digits):
    def teacher(batch) -> Tensor:
        return nn.functional.one_hot(batch[1], 10) * 5.0

    plain = copy.deepcopy(net)
    stage.check(net)
    results = []
    for start in (net, copy.deepcopy(plain)):
        torch.rand(len(results))  # what was drawn before plays no part
        context = Context(digits, seed=1, teacher=teacher)
        results.append(stage(start, context))
        assert len(context.curve) == stage.budget() + sum(part.budget() for _, part in stage.parts())
    one, other = results
    assert weights(one) == weights(other)
    assert weights(one) != weights(plain)
    assert weights(rebuild(plain, spec_of(one), one.state_dict())) == weights(one)
    assert weights(from_its_file(one)) == weights(one)
    if stage.sparsity is not None:
        assert zeros(one) == round(stage.sparsity * 1480)


# Coders


@pytest.mark.parametrize("bits", [1, 4, 12])
def test_a_coder_gives_back_every_number_and_says_what_it_should_cost(coder, bits, net):
    random = torch.Generator().manual_seed(0)
    for at, layer in enumerate(layers(net).values()):
        largest = max(1, 2 ** (bits - 1) - 1)
        set_quantizer(layer, Scaled(torch.tensor([layer.weight.abs().max().item() / largest]), bits=max(2, bits)))
        if at:
            set_mask(layer, torch.rand(layer.weight.shape, generator=random) < 0.1)
    data = encoded(net, coder)
    assert data == encoded(net, coder)
    assert weights(decode(data)) == weights(net)
    parsed = parse(data)
    assert parsed.coder == coder
    ideal = sum(map(sum, parsed.ideal_bytes()))
    assert 0 < ideal < parsed.bytes_of["positions"] + parsed.bytes_of["values"]
