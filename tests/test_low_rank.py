"""Factorizing and reducing the rank as stages: which layers, what becomes of masks, and the whole chain into its file."""

from dataclasses import replace
from functools import partial

import numpy as np
import pytest
import torch
from torch import nn

from lightexp.artifact import parse
from lightexp.data import Digits, Splits, split
from lightexp.distill import CrossEntropy
from lightexp.errors import ConfigError
from lightexp.experiment import Experiment, Store
from lightexp.factorize import CP, SVD, Energy, GlobalRatio, Ratio, Tucker2
from lightexp.measure import layer_macs
from lightexp.models import MLP, SimpleNet, build
from lightexp.prune import LAMP
from lightexp.quantize import KMeans
from lightexp.reparam import layers, mask_of, set_mask
from lightexp.stages import Context, Factorize, Fit, Prune, Quantize, ReduceRank
from lightexp.surgery import surgery_of
from lightexp.train import Constant, Cosine

ADAM = partial(torch.optim.Adam, lr=2e-3, fused=True)


class Odd(nn.Module):
    """A layer of every kind, those that may be factorized and those that may not."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(1, 8, 3)
        self.grouped = nn.Conv2d(8, 8, 3, groups=2)
        self.point = nn.Conv2d(8, 12, 1)
        self.wide = nn.Conv2d(12, 12, 3)
        self.own = Own(48, 20)
        self.read = nn.Linear(20, 20)
        self.fc = nn.Linear(20, 10)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.wide(self.point(self.grouped(self.conv(x)))).flatten(1)
        return self.fc(nn.functional.linear(self.own(x), self.read.weight))


class Own(nn.Linear):
    pass


@pytest.fixture(scope="module")
def digits() -> Splits:
    return Digits().load()


@pytest.fixture
def context(digits) -> Context:
    return Context(digits, seed=1)


def made(net=Odd) -> nn.Module:
    torch.manual_seed(0)
    return net()


def kinds(model: nn.Module) -> dict[str, str]:
    return {edit["layer"]: edit["edit"] for edit in surgery_of(model)}


def answers(model: nn.Module, context: Context) -> torch.Tensor:
    with torch.no_grad():
        return model.eval()(context.data.batch(context.data.train, torch.arange(5))[0])


def test_layers_that_can_be_factorized_are_and_no_others(context):
    assert kinds(Factorize(rank=Ratio(0.8))(made(), context)) == {
        "conv": "Bottleneck",
        "point": "LowRank",
        "wide": "Bottleneck",
        "fc": "LowRank",
    }
    assert kinds(Factorize(convolution=CP(), rank=Ratio(0.8), skip=["conv", "fc"])(made(), context)) == {
        "point": "LowRank",
        "wide": "Separable",
    }
    assert kinds(Factorize(linear=None, rank=Ratio(0.8))(made(), context)) == {"conv": "Bottleneck", "wide": "Bottleneck"}
    assert kinds(Factorize(convolution=None, rank=Ratio(0.8))(made(), context)) == {"point": "LowRank", "fc": "LowRank"}


@pytest.mark.parametrize(
    ("stage", "says"),
    [
        (Factorize(skip=["fc2"]), r"skip names the layer 'fc2', which is not there; there are: conv, grouped, point"),
        (Factorize(linear=None, convolution=None), "no layer to factorize among conv, grouped, point"),
        (Factorize(rank=Ratio(0.001)), r"none of the layers conv, point, wide, read, fc gets smaller by Ratio\(ratio=0.001\)"),
    ],
)
def test_what_cannot_be_factorized_is_known_before_training(stage, says):
    with pytest.raises(ConfigError, match=says):
        stage.check(made())


def test_what_only_the_weights_tell_is_said_when_they_are_there(context):
    stage = Factorize(rank=Energy(1.0), convolution=SVD())
    stage.check(made())
    with pytest.raises(ConfigError, match="none of the layers conv, point, wide, fc gets smaller"):
        stage(made(), context)
    later = Factorize(skip=["fc.0"])
    later.check(made())
    with pytest.raises(ConfigError, match=r"the layer 'fc.0', which is not there; there are: conv, grouped"):
        later(made(), context)
    with pytest.raises(ConfigError, match="Tucker2 factorizes convolutions alone: choose SVD"):
        Factorize(linear=Tucker2())


def test_it_is_the_weight_as_it_acts_that_is_factorized(context):
    model = made(lambda: MLP((1, 8, 8), 10, [20]))
    for layer in layers(model).values():
        rows, columns = (torch.arange(size) % 2 == 0 for size in layer.weight.shape)
        set_mask(layer, rows[:, None] & columns)
    Quantize(KMeans(1))(model, context)  # one value in each second row and column is a matrix of rank 1; the latent one is not
    expected = answers(model, context)
    Factorize(rank=Energy(1 - 1e-9), skip=["layers.1"])(model, context)
    assert surgery_of(model) == [{"edit": "LowRank", "layer": "layers.0", "rank": 1}]
    torch.testing.assert_close(answers(model, context), expected, atol=1e-5, rtol=1e-5)
    assert all(type(layer) is nn.Linear for layer in model.layers[0])
    assert int(mask_of(model.layers[1]).sum()) == 5 * 10


@pytest.mark.parametrize("stage", [Factorize(convolution=method) for method in (SVD(), Tucker2(), CP(20))])
def test_factorizing_is_a_function_of_net_and_seed(context, stage):
    nets = []
    for drawn in range(2):
        model = made()
        torch.rand(drawn)
        nets.append(stage(model, context).state_dict())
    assert all(torch.equal(nets[0][name], nets[1][name]) for name in nets[0])


def test_what_is_factorized_can_be_factorized_again(context):
    model = Factorize(rank=Ratio(0.8))(made(), context)
    again = Factorize(rank=Ratio(0.8))(model, context)
    assert len(surgery_of(again)) > 4
    assert kinds(again)["wide"] == "Bottleneck"
    assert kinds(again)["wide.1"] == "Bottleneck"


# Reducing the rank


@pytest.fixture(scope="module")
def low() -> Splits:
    """Two classes told apart by one direction of eight."""
    x = np.random.default_rng(0).normal(size=(240, 8)).astype(np.float32)
    y = (x.sum(1) > 0).astype(int)
    return split("low", x, y, x[:40], y[:40], validation=0.2)


def ranks(model: nn.Module) -> list[int]:
    spectra = [torch.linalg.svdvals(layer.weight.detach()) for layer in layers(model).values()]
    return [int((s > 1e-3 * s[0]).sum()) for s in spectra]


def test_training_with_the_nuclear_norm_finds_the_rank_that_is_needed(low):
    fit = Fit(30, 32, optimizer=partial(torch.optim.SGD, lr=0.05), rate=Constant())
    nets = {}
    for name, stage in {"fit": fit, "reduce": ReduceRank(fit, strength=0.02, every=2)}.items():
        torch.manual_seed(0)
        nets[name] = stage(MLP((8,), 2, [8]), Context(low, seed=1))
    assert ranks(nets["fit"])[0] == 8
    assert ranks(nets["reduce"])[0] <= 2
    Factorize(rank=Energy(0.9999), skip=["layers.1"])(nets["reduce"], Context(low, seed=1))
    assert [edit["rank"] <= 2 for edit in surgery_of(nets["reduce"])] == [True]


def test_the_proximal_steps_by_hand(low):
    """Without a gradient only they act: after each `every` steps all lose strength · every · rate of the largest."""
    torch.manual_seed(0)
    model = MLP((8,), 2, [])
    model.layers[0].weight.data = torch.zeros(2, 8)
    model.layers[0].weight.data[0, 0], model.layers[0].weight.data[1, 1] = 1.0, 0.5
    stage = ReduceRank(Fit(2, 48, CrossEntropy(), partial(torch.optim.SGD, lr=0.0), Cosine()), strength=0.1, every=3)
    context = Context(low, seed=1)
    stage(model, context)
    # 192 samples are 4 steps an epoch, so of steps 0 … 7 it is 3 and 6, at the rates (1 + cos(3π/8))/2 and (1 + cos(6π/8))/2.
    first, second = 0.5, 1.0
    for step in (3, 6):
        taken = 0.3 * (1 + np.cos(np.pi * step / 8)) / 2 * second
        first, second = first - taken, second - taken
    expected = torch.zeros(2, 8)
    expected[0, 0], expected[1, 1] = second, first
    torch.testing.assert_close(model.layers[0].weight.detach(), expected, atol=1e-6, rtol=0)
    assert len(context.curve) == stage.budget() == 2


def test_a_mask_keeps_its_zeros_and_shared_weights_have_no_rank(low):
    torch.manual_seed(0)
    model, context = MLP((8,), 2, [8]), Context(low, seed=1)
    Prune(0.5)(model, context)
    before = [mask_of(layer).clone() for layer in layers(model).values()]
    ReduceRank(Fit(2), strength=0.01, every=1)(model, context)
    for layer, mask in zip(layers(model).values(), before, strict=True):
        assert torch.equal(layer.weight != 0, mask)
    Quantize(KMeans(3))(model, context)
    with pytest.raises(ConfigError, match="read from codebooks, which have no rank to reduce"):
        ReduceRank(Fit(1))(model, context)


@pytest.mark.parametrize(
    ("options", "says"),
    [({"strength": 0.1, "every": 10}, "is 1, which takes all there is"), ({"fit": Fit(0)}, "at least 1 epoch")],
)
def test_reducing_that_cannot_be_is_refused(options, says):
    with pytest.raises(ConfigError, match=says):
        ReduceRank(**options)


# The whole chain


@pytest.mark.parametrize(
    ("net", "epochs", "method"),
    [(partial(MLP, widths=[32]), 10, SVD()), (SimpleNet, 2, Tucker2()), (SimpleNet, 2, CP(10))],
    ids=["svd", "tucker", "cp"],
)
def test_factorized_nets_are_pruned_shared_and_come_back_from_store_and_file(digits, tmp_path, net, epochs, method):
    stages = {
        "train": Fit(epochs, optimizer=ADAM),
        "factorize": Factorize(convolution=method, rank=GlobalRatio(0.4)),
        "tune": Fit(1, optimizer=ADAM),
        "prune": Prune(0.5, allocation=LAMP()),
        "share": Quantize(KMeans(7)),
        "finish": Fit(1, optimizer=ADAM),
    }
    run = Experiment(Digits(), net, stages, control=False, store=Store(tmp_path / "store"), directory=tmp_path / "run")
    record = run.run()
    content = (tmp_path / "run" / "model.lxp").read_bytes()
    dense, small = record.stages[:2]
    built = build(net, digits.input_shape, digits.classes)
    weights = sum(row["params"] for row in record.layers)
    biases = record.params - weights
    assert small["params"] - biases <= 0.4 * (dense["params"] - biases)
    assert record.sparsity_prunable == pytest.approx(0.5, abs=1 / weights)
    assert record.macs == sum(row["macs"] for row in record.layers) < 0.7 * sum(layer_macs(built, digits.input_shape).values())
    assert record.original_bytes == 4 * dense["params"]
    assert record.test_accuracy > 50
    assert all(row["bits"] <= 3 for row in record.layers)
    assert [edit["edit"] for edit in parse(content).header["model"]["surgery"]]
    again = replace(run, directory=tmp_path / "again").run()
    assert (tmp_path / "again" / "model.lxp").read_bytes() == content
    assert all(row["reused"] for row in again.stages)
