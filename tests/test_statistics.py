"""What is measured for the criteria: by hand, against a second way to get it, and without touching the net."""

import copy

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from lightexp.data import Splits, split
from lightexp.errors import ConfigError
from lightexp.prune import Gradient
from lightexp.reparam import set_mask
from lightexp.stages import Context, Prune
from lightexp.statistics import samples
from lightexp.statistics.gather import MEASURES, gather

C = 2.75**0.5  # the samples of two_samples, normalised: (2.5, −1.5) / C and (−1.5, 0.5) / C


@pytest.fixture(scope="module")
def pictures() -> Splits:
    """32 pictures of 4 × 5 × 6 that train."""
    x, y = np.random.default_rng(0).normal(size=(40, 4, 5, 6)).astype(np.float32), np.arange(40) % 2
    return split("pictures", x, y, x[:8], y[:8], validation=0.2)


def measured(net: nn.Module, data: Splits, need: str, layer: str = "0") -> torch.Tensor:
    return getattr(gather(net, data, frozenset({need}), batches=9, seed=0)[layer], need)


def linear(*rows: tuple[float, ...], bias: list[float] | None = None) -> nn.Linear:
    layer = nn.Linear(len(rows[0]), len(rows), bias=bias is not None)
    layer.weight.data = torch.tensor(rows)
    if bias is not None:
        layer.bias.data = torch.tensor(bias)
    return layer


# Curvature


def test_hessian_times_gradient_by_hand(two_samples, monkeypatch):
    # Zero weights answer ½, ½, so the curvature by the logits is ¼·((1, −1), (−1, 1)). The gradient's rows are u = (−1, ½)/C and
    # −u, so along it the logits go by (u·x, −u·x) and row 0 of H·g is the mean of ½ (u·x) x. With u·x = −3.25/C² and 1.75/C²:
    # ¼ (−3.25·(2.5, −1.5) + 1.75·(−1.5, 0.5)) / C³ = (−2.6875, 1.4375) / C³.
    row = torch.tensor([-2.6875, 1.4375]) / C**3
    net = nn.Sequential(linear((0.0, 0.0), (0.0, 0.0)))
    torch.testing.assert_close(measured(net, two_samples, "hessian_gradient"), torch.stack([row, -row]), rtol=1e-3, atol=0)
    # In two batches of one sample the mean loss is the same, and so is H·g; a mean of each batch's own would not be.
    monkeypatch.setattr(samples, "BATCH_SIZE", 1)
    torch.testing.assert_close(measured(net, two_samples, "hessian_gradient"), torch.stack([row, -row]), rtol=1e-3, atol=0)


def test_hessian_times_gradient_is_half_the_slope_of_the_squared_norm_through_all_layers(pictures):
    torch.manual_seed(0)
    net = nn.Sequential(nn.Conv2d(4, 3, 3), nn.Tanh(), nn.Flatten(), nn.Linear(36, 2)).double()
    inputs, labels = pictures.batch(pictures.train, torch.arange(32))

    def squared_norm(change: float) -> float:
        moved = copy.deepcopy(net)
        moved[0].weight.data[1, 2, 0, 1] += change
        grads = torch.autograd.grad(F.cross_entropy(moved(inputs.double()), labels), [moved[0].weight, moved[3].weight])
        return sum(float(grad.square().sum()) for grad in grads)

    slope = (squared_norm(1e-4) - squared_norm(-1e-4)) / 2e-4
    found = measured(net.float(), pictures, "hessian_gradient")
    assert found[1, 2, 0, 1].item() == pytest.approx(slope / 2, rel=1e-3)


# Flow


def test_flow_by_hand(two_samples):
    # |W₀| gives (3, 3.5) to ones and |W₁| makes 6 + 14 = 20 of it.
    net = nn.Sequential(linear((1.0, -2.0), (3.0, 0.5)), nn.ReLU(), linear((-2.0, 4.0)))
    before = copy.deepcopy(net.state_dict())
    first, second = (measured(net, two_samples, "flow_gradient", layer) for layer in "02")
    assert first.tolist() == [[2.0, 2.0], [4.0, 4.0]]
    assert second.tolist() == [[3.0, 3.5]]
    assert first.dtype == torch.float64
    # What flows through each layer is the whole.
    assert [float((net[at].weight.detach().abs() * flow).sum()) for at, flow in ((0, first), (2, second))] == [20, 20]
    assert all(torch.equal(tensor, before[name]) for name, tensor in net.state_dict().items())


def test_flow_takes_the_size_of_biases_and_of_batch_normalisation(two_samples):
    # h = 1 + |−2| + |−3| = 6 and R = (6 − |−2|) / √4 · |−3|, so ∂R/∂w = 3/2; with the signs as they stand the ReLU would be off.
    norm = nn.BatchNorm1d(1, eps=0)
    norm.weight.data, norm.running_mean, norm.running_var = torch.tensor([-3.0]), torch.tensor([-2.0]), torch.tensor([4.0])
    net = nn.Sequential(linear((1.0, -2.0), bias=[-3.0]), norm, nn.ReLU())
    set_mask(net[0], torch.tensor([[True, True]]))
    assert measured(net, two_samples, "flow_gradient").tolist() == [[1.5, 1.5]]
    assert net[0].weight.tolist() == [[1.0, -2.0]]


# Activations


def test_the_norm_of_inputs_by_hand(two_samples):
    found = measured(nn.Sequential(linear((1.0, 1.0), (0.0, 1.0))), two_samples, "input_norm")
    wanted = torch.tensor([8.5, 2.5]).sqrt() / C
    torch.testing.assert_close(found, wanted.expand(2, 2), rtol=1e-3, atol=0)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"stride": 2, "padding": 1, "groups": 2},
        {"padding": "same", "padding_mode": "circular"},
        {"dilation": 2, "padding": (0, 2), "groups": 4, "bias": False},
    ],
)
def test_the_norm_of_inputs_of_a_convolution_is_that_of_its_answers_to_a_single_weight(options, pictures):
    net = nn.Sequential(nn.Conv2d(4, 8, (2, 3), **options))
    head = nn.Sequential(net[0], nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 2))
    found = measured(head, pictures, "input_norm")
    inputs, _ = pictures.batch(pictures.train, torch.arange(32))
    net[0].bias = None
    for place in np.ndindex(*found.shape):
        nn.init.zeros_(net[0].weight)
        net[0].weight.data[place] = 1
        assert found[place].item() == pytest.approx(net(inputs)[:, place[0]].norm().item(), rel=1e-4)


def test_the_outputs_of_units_by_hand(two_samples):
    # Behind ReLU: (2.5, 0), (0, 0.5), always 0, always on.
    layer = linear((1.0, 0.0), (0.0, 1.0), (0.0, 0.0), (0.0, 0.0), bias=[0.0, 0.0, -1.0, 1.0])
    net = nn.Sequential(layer, nn.ReLU(inplace=True), nn.Linear(4, 2))
    assert measured(net, two_samples, "zero_share").tolist() == [0.5, 0.5, 1, 0]
    outputs = measured(net, two_samples, "unit_outputs").sort(0).values
    torch.testing.assert_close(outputs[1], torch.tensor([2.5 / C, 0.5 / C, 0, 1]), rtol=1e-3, atol=0)
    # Batch normalisation of mean 1 and scale −1 stands behind the layer: 1 − y, which turns the order round.
    norm = nn.BatchNorm1d(4)
    norm.running_mean.fill_(1)
    norm.weight.data.fill_(-1)
    net = nn.Sequential(layer, norm, nn.ReLU(inplace=True), nn.Linear(4, 2))
    assert measured(net, two_samples, "zero_share").tolist() == [0.5, 0, 0, 1]


def test_the_outputs_of_filters_are_averaged_over_the_picture(pictures):
    conv = nn.Conv2d(4, 2, 1, bias=False)
    conv.weight.data = torch.tensor([[1.0, 0, 0, 0], [0, -1.0, 0, 0]]).reshape(2, 4, 1, 1)
    net = nn.Sequential(conv, nn.Flatten(), nn.Linear(60, 2))
    inputs, _ = pictures.batch(pictures.train, torch.arange(32))
    active = torch.stack([inputs[:, 0].relu(), (-inputs[:, 1]).relu()], 1).flatten(2)
    torch.testing.assert_close(measured(net, pictures, "zero_share"), (active == 0).float().mean((0, 2)))
    outputs = measured(net, pictures, "unit_outputs")
    assert outputs.shape == (32, 2)
    torch.testing.assert_close(outputs.sort(0).values, active.mean(2).sort(0).values)


def test_the_scale_is_that_of_the_normalisation_right_behind_the_layer(two_samples):
    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            # Made in another order than they are called.
            self.norms = nn.ModuleList([nn.BatchNorm1d(2), nn.BatchNorm1d(3), nn.BatchNorm1d(3, affine=False)])
            self.first, self.second, self.third = nn.Linear(2, 3), nn.Linear(3, 2), nn.Linear(2, 3)
            self.last = nn.Linear(3, 2)

        def forward(self, x):
            x = self.norms[0](self.second(self.norms[1](self.first(x))))
            return self.last(self.norms[2](self.third(x)).relu())

    net = Net()
    net.norms[0].weight.data = torch.tensor([-1.0, 0.5])
    net.norms[1].weight.data = torch.tensor([1.0, 2.0, 3.0])
    found = {
        name: measured(net, two_samples, "batch_norm_scale", name).tolist() for name in ("first", "second", "third", "last")
    }
    assert found == {"first": [1, 2, 3], "second": [-1, 0.5], "third": [1, 1, 1], "last": [1, 1]}
    net = nn.Sequential(nn.Linear(2, 2), nn.ReLU(), nn.BatchNorm1d(2))
    with pytest.raises(ConfigError, match="no batch normalisation takes a layer's output as it is"):
        measured(net, two_samples, "batch_norm_scale")


# All of them


@pytest.mark.parametrize("need", MEASURES)
def test_measuring_touches_nothing_and_heeds_the_seed(need, pictures):
    torch.manual_seed(0)
    net = nn.Sequential(
        nn.Conv2d(4, 6, 3, groups=2), nn.BatchNorm2d(6), nn.ReLU(inplace=True), nn.Flatten(), nn.Dropout(), nn.Linear(72, 2)
    ).train()
    set_mask(net[0], torch.rand_like(net[0].weight) > 0.5)
    before = copy.deepcopy(net.state_dict())
    one, other = (measured(net, pictures, need) for _ in range(2))
    assert torch.equal(one, other)
    assert all(torch.equal(tensor, before[name]) for name, tensor in net.state_dict().items())
    assert net.training
    assert all(parameter.grad is None for parameter in net.parameters())
    assert not any(module._forward_hooks or module._forward_pre_hooks for module in net.modules())


class Detached(nn.Module):
    """Two layers, of which the second is not called, or not trained through."""

    def __init__(self, is_called: bool) -> None:
        super().__init__()
        self.used, self.idle, self.is_called = nn.Linear(2, 2), nn.Linear(2, 2), is_called

    def forward(self, x):
        return self.used(x) + (self.idle(x).detach() if self.is_called else 0)


@pytest.mark.parametrize("need", ["gradient", "hessian_gradient", "flow_gradient", "movement"])
@pytest.mark.parametrize("is_called", [True, False])
def test_a_layer_without_a_gradient_is_named(need, is_called, two_samples):
    with pytest.raises(ConfigError, match="layer idle has no gradient: .* choose a criterion without gradients"):
        measured(Detached(is_called), two_samples, need, "used")


@pytest.mark.parametrize("need", ["input_norm", "zero_share", "unit_outputs"])
def test_a_layer_that_is_never_called_is_named(need, two_samples):
    with pytest.raises(ConfigError, match="layer idle is never called by the net"):
        measured(Detached(False), two_samples, need, "used")


def test_frozen_weights_are_named(two_samples):
    net = nn.Sequential(nn.Linear(2, 2)).requires_grad_(False)
    with pytest.raises(ConfigError, match="layer 0 has no gradient: its weight is frozen"):
        Prune(0.5, Gradient())(net, Context(two_samples, seed=1))
    assert measured(net, two_samples, "flow_gradient").shape == (2, 2)
