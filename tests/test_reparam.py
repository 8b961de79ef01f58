"""Constraints on weights: what they hold through training, that they can be kept and rebuilt, and that their codes are exact."""

import copy
import io

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from torch import Tensor, nn

from lightexp.reparam import (
    Codebook,
    Mask,
    Scaled,
    codes_of,
    latent,
    layers,
    mask_module,
    mask_of,
    quantizer_of,
    rebuild,
    set_mask,
    set_quantizer,
    spec_of,
    strip,
)


def codebook(weight: Tensor) -> Codebook:
    codes = torch.arange(weight.numel()).reshape(weight.shape) % 4
    return Codebook(codes.to(torch.uint8), torch.tensor([-0.5, 0.1, 0.7]))


def scaled(weight: Tensor) -> Scaled:
    return Scaled(torch.tensor([0.25]), bits=3)


def scaled_by_row(weight: Tensor) -> Scaled:
    return Scaled(torch.linspace(0.1, 0.3, len(weight)), bits=4)


QUANTIZERS = [None, codebook, scaled, scaled_by_row]


def net(quantizer=None, masked: bool = False) -> nn.Sequential:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Conv2d(2, 3, 3, bias=False), nn.BatchNorm2d(3), nn.Flatten(), nn.Linear(12, 2))
    for module in layers(model).values():
        if quantizer:
            set_quantizer(module, quantizer(module.weight))
        if masked:
            set_mask(module, torch.rand_like(module.weight) > 0.5)
    return model


def train(model: nn.Module, steps: int = 5, **options) -> None:
    found = [parameter for parameter in model.parameters() if parameter.requires_grad]
    optimizer = torch.optim.SGD(found, lr=0.1, **options)
    for _ in range(steps):
        optimizer.zero_grad()
        model(torch.randn(8, 2, 4, 4)).square().mean().backward()
        optimizer.step()


def bits(tensor: Tensor) -> bytes:
    return tensor.detach().numpy().tobytes()


constrained = pytest.mark.parametrize(
    ("quantizer", "masked"), [(quantizer, masked) for quantizer in QUANTIZERS for masked in (False, True)]
)


def test_layers_are_the_linear_ones_and_convolutions_in_order():
    inner = nn.Sequential(nn.Conv1d(1, 1, 1), nn.Bilinear(1, 1, 1), nn.Conv3d(1, 1, 1), nn.ConvTranspose2d(1, 1, 1))
    assert list(layers(nn.ModuleDict({"b": nn.Linear(1, 1), "a": inner, "n": nn.BatchNorm1d(2)}))) == ["b", "a.0", "a.2"]


def test_momentum_and_decay_never_bring_a_masked_weight_back():
    torch.manual_seed(0)
    layer = nn.Linear(6, 4)
    optimizer = torch.optim.SGD(layer.parameters(), lr=0.1, momentum=0.9, weight_decay=0.1)

    def step() -> None:
        optimizer.zero_grad()
        (layer(torch.randn(8, 6)) - 1).square().sum().backward()
        optimizer.step()

    for _ in range(3):
        step()  # so that momentum points somewhere when the mask comes
    mask = torch.rand(4, 6) > 0.5
    set_mask(layer, mask)
    below = latent(layer).detach().clone()
    for _ in range(5):
        step()
        assert torch.equal(layer.weight != 0, mask)
    assert (latent(layer)[~mask] != below[~mask]).all()  # the optimizer did pull


def test_an_open_mask_passes_gradients_and_a_closed_one_does_not():
    layer, mask = nn.Linear(3, 1), torch.tensor([[True, False, True]])
    set_mask(layer, mask)
    for is_open, wanted in ((False, [[2.0, 0.0, 5.0]]), (True, [[2.0, 3.0, 5.0]])):
        mask_module(layer).open = is_open
        assert torch.equal(layer.weight, torch.where(mask, latent(layer), 0))
        grad = torch.autograd.grad(layer(torch.tensor([2.0, 3.0, 5.0])), latent(layer))[0]
        assert grad.tolist() == wanted


def test_a_mask_holds_against_nan():
    layer = nn.Linear(2, 1)
    nn.init.constant_(layer.weight, float("nan"))
    set_mask(layer, torch.zeros(1, 2, dtype=torch.bool))
    assert layer.weight.tolist() == [[0.0, 0.0]]


def test_a_codebook_trains_its_table_alone():
    model = net(codebook, masked=True)
    before, frozen = model[3].weight.detach().clone(), latent(model[3]).clone()
    train(model, momentum=0.9)
    weight, codes = model[3].weight, codes_of(model[3]).codes
    assert torch.equal(latent(model[3]), frozen)
    assert len(weight[codes == 1].unique()) == 1
    assert (weight != before)[codes > 0].all()
    assert not weight[codes == 0].any()


def test_a_step_lets_the_gradient_straight_through():
    layer = nn.Linear(3, 1)
    nn.init.constant_(layer.weight, 0.9)
    set_quantizer(layer, Scaled(torch.tensor([0.5]), bits=2))
    assert layer.weight.tolist() == [[0.5, 0.5, 0.5]]  # 0.9 / 0.5 = 1.8, rounded to 2, clamped to 2^(2−1) − 1 = 1
    grad = torch.autograd.grad(layer(torch.tensor([2.0, 3.0, 5.0])), latent(layer))[0]
    torch.testing.assert_close(grad, torch.tensor([[2.0, 3.0, 5.0]]))


@pytest.mark.parametrize("first", [codebook, scaled])
def test_a_new_quantizer_replaces_the_old_one_and_keeps_the_mask(first):
    model = net(first, masked=True)
    mask = mask_of(model[3]).clone()
    second = scaled_by_row(model[3].weight)
    set_quantizer(model[3], second)
    assert quantizer_of(model[3]) is second
    assert torch.equal(mask_of(model[3]), mask)
    assert [entry["layer"] for entry in spec_of(model)] == ["0", "0", "3", "3"]
    assert not model[3].weight[~mask].any()
    assert latent(model[3]).requires_grad


def test_a_new_mask_goes_into_the_old_one():
    model = net(masked=True)
    link = mask_module(model[3])
    set_mask(model[3], torch.zeros(2, 12, dtype=torch.bool))
    assert mask_module(model[3]) is link
    assert not model[3].weight.any()


@constrained
def test_strip_leaves_plain_parameters_of_the_effective_values(quantizer, masked):
    model = net(quantizer, masked)
    weights = [bits(module.weight) for module in layers(model).values()]
    assert strip(model) is model
    assert set(model.state_dict()) == set(net().state_dict())
    assert [bits(module.weight) for module in layers(model).values()] == weights
    assert all(isinstance(m.weight, nn.Parameter) and m.weight.requires_grad for m in layers(model).values())
    train(model)


@constrained
def test_a_constrained_net_is_rebuilt_bit_for_bit(quantizer, masked):
    model = net(quantizer, masked)
    train(model)
    file = io.BytesIO()
    torch.save({"constraints": spec_of(model), "state": model.state_dict()}, file)
    file.seek(0)
    stored = torch.load(file, weights_only=True)
    again = rebuild(net(), stored["constraints"], stored["state"])
    assert spec_of(again) == spec_of(model)
    for one, other in zip(layers(again).values(), layers(model).values(), strict=True):
        assert bits(one.weight) == bits(other.weight)
        assert latent(one).requires_grad == latent(other).requires_grad
    assert {n: bits(t) for n, t in again.state_dict().items()} == {n: bits(t) for n, t in model.state_dict().items()}
    for trained in (model, again):
        torch.manual_seed(1)
        train(trained, momentum=0.9)
    assert bits(again[3].weight) == bits(model[3].weight)


@constrained
def test_stripping_a_copy_leaves_the_original_alone(quantizer, masked):
    model = net(quantizer, masked)
    before = {name: bits(module.weight) for name, module in layers(model).items()}
    copied = strip(copy.deepcopy(model))
    assert {name: bits(module.weight) for name, module in layers(copied).items()} == before
    train(copied)
    assert {name: bits(module.weight) for name, module in layers(model).items()} == before
    assert not any(hasattr(module, "parametrizations") for module in layers(copied).values())


def test_a_rebuilt_net_shares_no_memory_with_what_it_was_rebuilt_from():
    model = net(codebook, masked=True)
    state = model.state_dict()
    before = {name: bits(tensor) for name, tensor in state.items()}
    train(rebuild(net(), spec_of(model), state))
    assert {name: bits(tensor) for name, tensor in state.items()} == before


@constrained
def test_codes_are_the_weight_bit_for_bit(quantizer, masked):
    model = net(quantizer, masked)
    train(model)
    for module in layers(model).values():
        code = codes_of(module)
        if quantizer is None:
            assert code is None
            continue
        assert (code.codes.dtype, code.codes.shape) == (torch.int32, module.weight.shape)
        assert bits(code.decode()) == bits(module.weight)
        assert not code.codes[~mask_of(module)].any()


WEIGHTS = st.floats(-1e3, 1e3, width=32) | st.sampled_from([0.0, -0.0, 1e-30, -1e-45])


@given(hnp.arrays(np.float32, (3, 4), elements=WEIGHTS), hnp.arrays(np.float32, 3, elements=st.floats(2**-10, 8, width=32)))
def test_integers_times_steps_are_the_weight_whatever_it_is(weight, steps):
    layer = nn.Linear(4, 3)
    layer.weight.data = torch.from_numpy(weight)
    set_quantizer(layer, Scaled(torch.from_numpy(steps), bits=5))
    assert bits(codes_of(layer).decode()) == bits(layer.weight)
    assert codes_of(layer).codes.abs().max() <= 15
    assert not layer.weight[torch.from_numpy(weight == 0)].any()


def test_a_mask_is_not_a_quantizer():
    layer = nn.Linear(2, 2)
    assert (mask_module(layer), quantizer_of(layer), codes_of(layer)) == (None, None, None)
    assert mask_of(layer).all()
    set_mask(layer, torch.eye(2, dtype=torch.bool))
    assert quantizer_of(layer) is None
    assert isinstance(mask_module(layer), Mask)
