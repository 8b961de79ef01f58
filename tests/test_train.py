"""Training: equal seeds give equal bits, a resumed training is the uninterrupted one, and what went wrong is named."""

from collections.abc import Callable
from dataclasses import asdict, replace
from functools import partial

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from lightexp.data import Crop, Shift, Splits, split
from lightexp.distill import CrossEntropy, SoftLogits
from lightexp.errors import TrainingError
from lightexp.measure import score
from lightexp.models import MLP
from lightexp.prune import Movement, Random
from lightexp.quantize import KMeans, Uniform
from lightexp.reparam import layers, set_mask
from lightexp.stages import Context, Fit, NetworkSurgery, Prune, PruneGradually, Quantize, RigL, Stage
from lightexp.train import Constant, Cosine, OneCycle, Step, Surroundings, Training, checkpoint, fit, module

ADAM = partial(torch.optim.Adam, lr=0.01)
SGD = partial(torch.optim.SGD, lr=0.05, momentum=0.9, weight_decay=1e-3)
EPOCHS = 6


class Stop(Exception):
    """The process dies here."""


class Unlearning(CrossEntropy):
    """Makes the net worse from epoch to epoch, so that patience is sure to end."""

    def __call__(self, batch, student, teacher):
        loss, parts = super().__call__(batch, student, teacher)
        return -loss, parts


@pytest.fixture(scope="module")
def data() -> Splits:
    """Three classes of noisy 4×4 pictures: 192 that train and 48 that validate."""
    random = np.random.default_rng(0)
    y = np.arange(240) % 3
    x = (random.normal(size=(240, 4, 4)) + 0.7 * random.normal(size=(3, 4, 4))[y]).astype(np.float32)
    return split("made", x, y, x[:30], y[:30], validation=0.2, augment=[Shift(1), Crop(1)])


def perceptron(seed: int = 0, dropout: float = 0.3) -> nn.Module:
    torch.manual_seed(seed)
    return MLP((1, 4, 4), 3, [12], dropout=dropout)


def normalised() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(1, 6, 3), nn.BatchNorm2d(6), nn.ReLU(), nn.Flatten(), nn.Dropout(), nn.Linear(24, 3))


def constrained(data: Splits, *stages: Stage) -> nn.Module:
    model = normalised()
    for stage in stages:
        stage(model, Context(data, seed=1))
    return model


def bits(model: nn.Module) -> dict[str, bytes]:
    return {name: tensor.numpy().tobytes() for name, tensor in model.state_dict().items()}


def curve(history: list) -> list[dict]:
    return [asdict(epoch) | {"seconds": None, "step_seconds": None} for epoch in history]


def training(epochs: int = 2, **options) -> Training:
    usual = {"batch_size": 32, "loss": CrossEntropy(), "optimizer": ADAM, "rate": Cosine()}
    return Training(epochs, **usual | options)


def teacher(batch) -> torch.Tensor:
    return batch[0].flatten(1)[:, :3]


# The same again


def test_equal_seeds_give_equal_bits_and_other_seeds_others(data):
    one, again, other = perceptron(), perceptron(), perceptron()
    histories = [fit(model, data, training(), seed) for model, seed in ((one, 1), (again, 1), (other, 2))]
    assert bits(one) == bits(again)
    assert curve(histories[0]) == curve(histories[1])
    assert bits(one) != bits(other)


def test_nothing_outside_the_arguments_counts(data):
    one, other = perceptron(), perceptron()
    fit(one, data, training(), seed=1)
    torch.rand(5)
    np.random.seed(9)
    fit(other.eval(), data, training(), seed=1)
    assert bits(one) == bits(other)
    assert not one.training


def test_chunks_of_steps_leave_no_trace(data, monkeypatch):
    one, other = normalised(), normalised()
    whole = fit(one, data, training(optimizer=SGD), seed=1)
    monkeypatch.setattr(module, "STEPS_PER_CHUNK", 3)
    assert curve(fit(other, data, training(optimizer=SGD), seed=1)) == curve(whole)
    assert bits(one) == bits(other)


def test_an_epoch_takes_every_sample_once_and_each_in_another_order(data):
    seen: list[bytes] = []

    class Noting(CrossEntropy):
        def __call__(self, batch, student, teacher):
            seen.extend(row.numpy().tobytes() for row in batch[0])
            return super().__call__(batch, student, teacher)

    fit(perceptron(), replace(data, augment=()), training(3, loss=Noting()), seed=1)
    epochs = [seen[start : start + 192] for start in (0, 192, 384)]
    assert len(seen) == 3 * 192
    assert set(epochs[0]) == set(epochs[1]) == set(epochs[2])
    assert len(set(map(tuple, epochs))) == 3
    assert len(set(epochs[0])) == 192


def test_a_second_training_trains_again(data):
    model = perceptron()
    fit(model, data, training(1), seed=1)
    before = bits(model)
    assert len(fit(model, data, training(1), seed=2)) == 1
    assert all(tensor != before[name] for name, tensor in bits(model).items())


# Going on from a checkpoint

FOOLISH = Fit(EPOCHS, 32, loss=Unlearning(), optimizer=ADAM, patience=2)
SCENARIOS: dict[str, tuple[Stage, Callable[[Splits], nn.Module]]] = {
    "adam": (Fit(EPOCHS, 32, optimizer=ADAM), lambda data: perceptron()),
    "batch norm": (Fit(EPOCHS, 32, optimizer=SGD, rate=OneCycle()), lambda data: normalised()),
    "teacher": (Fit(EPOCHS, 32, loss=SoftLogits(), optimizer=ADAM, teacher=teacher), lambda data: perceptron()),
    "patience": (FOOLISH, lambda data: normalised()),
    "gradual": (PruneGradually(0.8, fit=Fit(EPOCHS, 32, optimizer=SGD), every=3), lambda data: normalised()),
    "gradual random": (PruneGradually(0.8, Random(), fit=Fit(EPOCHS, 32), begin=0.2, end=1), lambda data: normalised()),
    "gradual movement": (
        PruneGradually(0.8, Movement(), fit=Fit(EPOCHS, 32, optimizer=SGD), every=3),
        lambda data: normalised(),
    ),
    "gradual with patience": (PruneGradually(0.6, fit=FOOLISH, end=0.4), lambda data: perceptron()),
    "rigl": (RigL(Fit(EPOCHS, 32, optimizer=SGD), every=4), lambda data: constrained(data, Prune(0.5))),
    "surgery": (NetworkSurgery(Fit(EPOCHS, 32), decay=0.1), lambda data: normalised()),
    "codebooks": (Fit(EPOCHS, 32, optimizer=ADAM), lambda data: constrained(data, Prune(0.5), Quantize(KMeans(3)))),
    "steps": (Fit(EPOCHS, 32, optimizer=SGD), lambda data: constrained(data, Quantize(Uniform(3, "channel")), Prune(0.5))),
}


def run(scenario: str, data: Splits, around: Surroundings) -> tuple[dict[str, bytes], list[dict]]:
    stage, make = SCENARIOS[scenario]
    context = Context(data, seed=7, teacher=teacher, around=around)
    model = stage(make(data), context)
    return bits(model), curve(context.curve)


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_a_resumed_training_is_the_uninterrupted_one(scenario, data, tmp_path, monkeypatch):
    monkeypatch.setattr(checkpoint, "SECONDS_BETWEEN", 0)
    monkeypatch.setattr(module, "STEPS_PER_CHUNK", 4)  # 192 samples make 6 steps: two chunks an epoch
    whole = run(scenario, data, Surroundings())
    epochs = len(whole[1])
    assert (epochs < EPOCHS) == ("patience" in scenario)
    # Killed at the end of an epoch ahead of its checkpoint, in the midst of one, and once more while it goes on.
    for name, deaths in {"end": [1], "midst": [(epochs - 0.5) / EPOCHS], "twice": [1.5 / EPOCHS, 3]}.items():
        kept = tmp_path / name / "epoch.ckpt"
        for death in deaths:

            def look(done, at: float = death) -> None:
                if (done if isinstance(at, float) else done.number) >= at:
                    raise Stop

            hook = "on_progress" if isinstance(death, float) else "on_epoch"
            with pytest.raises(Stop):
                run(scenario, data, Surroundings(kept, **{hook: look}))
        assert run(scenario, data, Surroundings(kept)) == whole
        # Killed behind the last epoch, before its result was kept.
        assert run(scenario, data, Surroundings(kept)) == whole


def test_a_checkpoint_is_written_once_in_a_while_and_holds_no_teacher(data, tmp_path, monkeypatch):
    kept, other = tmp_path / "below" / "epoch.ckpt", perceptron(1)

    def once() -> None:
        fit(perceptron(), data, training(loss=SoftLogits()), 1, lambda batch: other(batch[0]).detach(), Surroundings(kept))

    once()
    assert not kept.exists()  # ten seconds have not gone by
    monkeypatch.setattr(checkpoint, "SECONDS_BETWEEN", 0)
    once()
    assert [path.name for path in kept.parent.iterdir()] == ["epoch.ckpt"]
    state = torch.load(kept, weights_only=True)["state_dict"]
    assert {name.removeprefix("model.") for name in state} == set(other.state_dict())


# Stopping early


def test_patience_goes_back_to_the_best_epoch(data):
    model = perceptron()
    history = fit(model, data, training(30, optimizer=partial(ADAM, lr=0.2), rate=Constant(), patience=3), seed=1)
    losses = [epoch.val_loss for epoch in history]
    best = int(np.argmin(losses))
    assert len(history) == best + 1 + 3 < 30
    assert score(model, data, data.val).loss == pytest.approx(losses[best], abs=1e-6) != pytest.approx(losses[-1], abs=1e-6)


def test_no_epoch_before_the_settled_share_is_the_best(data):
    model = perceptron()
    history = fit(model, data, training(10, loss=Unlearning(), patience=2, settled=0.5), seed=1)
    losses = [epoch.val_loss for epoch in history]
    assert losses == sorted(losses)
    assert len(history) == 6 + 2  # epochs 1 to 5 do not count
    assert score(model, data, data.val).loss == pytest.approx(losses[5])


# What went wrong


@pytest.mark.parametrize("masked", [False, True])
def test_a_loss_that_is_no_number_names_its_epoch_and_layer(data, masked):
    model = perceptron()
    if masked:
        set_mask(model.layers[1], torch.ones(3, 12, dtype=torch.bool))

    def poison(model: nn.Module, step: int, steps: int) -> None:
        if step == 6 + 3:  # the second epoch's fourth
            dict(model.named_parameters())["layers.1.bias"].data.fill_(float("nan"))

    with pytest.raises(TrainingError, match=r"in epoch 2, first in layer layers\.1; lower the learning rate"):
        fit(model, data, training(3, before_step=poison), seed=1)


def test_a_masked_weight_that_is_no_number_is_its_layers_fault(data):
    model = perceptron()
    set_mask(model.layers[0], torch.ones(12, 16, dtype=torch.bool))
    layers(model)["layers.0"].parametrizations.weight.original.data.fill_(float("inf"))
    with pytest.raises(TrainingError, match=r"in epoch 1, first in layer layers\.0;"):
        fit(model, data, training(), seed=1)


def test_a_net_that_its_very_last_step_ruins_is_noticed(data):
    one_step = training(1, batch_size=192, optimizer=partial(torch.optim.SGD, lr=1e38), rate=Constant())
    with pytest.raises(TrainingError, match="in epoch 1, first in layer layers"):
        fit(perceptron(), data, one_step, seed=1)


# The rest


def test_no_epochs_change_nothing(data):
    model = perceptron()
    before = bits(model)
    assert fit(model, data, training(0), seed=1) == []
    assert bits(model) == before


@pytest.mark.parametrize(("batch_size", "steps"), [(193, 1), (192, 1), (191, 1), (190, 2), (96, 2), (65, 3)])
def test_a_last_batch_of_one_sample_is_left_out(data, batch_size, steps):
    # Batch normalisation cannot work on one sample.
    assert len(data.train) == 192
    seen: list[tuple[int, int]] = []
    options = {"batch_size": batch_size, "before_step": lambda model, step, of: seen.append((step, of))}
    fit(normalised(), data, training(2, **options), seed=1)
    assert seen == [(step, 2 * steps) for step in range(2 * steps)]


def test_the_rate_and_the_progress_are_those_of_the_step(data):
    seen: list[float] = []
    history = fit(perceptron(), data, training(4), 1, around=Surroundings(on_progress=seen.append))
    assert seen == [0.25, 0.5, 0.75, 1.0]
    assert [epoch.number for epoch in history] == [1, 2, 3, 4]
    # 6 steps an epoch: the last step of epoch e is number 6e − 1 of 24.
    assert [epoch.rate for epoch in history] == pytest.approx([0.01 * Cosine()((6 * e - 1) / 24) for e in (1, 2, 3, 4)])


@pytest.mark.parametrize(
    ("rate", "points"),
    [
        (Constant(), {0: 1, 0.99: 1}),
        # (1 + cos πt)/2: cos 0 = 1, cos π/3 = ½, cos π/2 = 0.
        (Cosine(), {0: 1, 1 / 3: 0.75, 0.5: 0.5, 1: 0}),
        (Cosine(final=0.2), {0: 1, 0.5: 0.6, 1: 0.2}),
        (Cosine(warmup=0.2), {0: 0, 0.1: 0.5, 0.2: 1, 0.6: 0.5, 1: 0}),
        (Step(), {0: 1, 0.499: 1, 0.5: 0.1, 0.749: 0.1, 0.75: 0.01, 1: 0.01}),
        (Step((0.25,), 0.5), {0.2: 1, 0.25: 0.5}),
        (OneCycle(), {0: 0.04, 0.15: 0.52, 0.3: 1, 0.65: 0.5, 1: 0}),
        (OneCycle(peak=0.5, start=0, final=0.1), {0: 0, 0.25: 0.5, 0.5: 1, 0.75: 0.55, 1: 0.1}),
    ],
    ids=str,
)
def test_rates_by_hand(rate, points):
    assert {t: rate(t) for t in points} == pytest.approx(points, abs=1e-12)


@given(st.floats(0, 1, exclude_max=True), st.floats(0, 1), st.floats(0, 1), st.floats(0.01, 0.99))
def test_rates_are_shares(t, final, start, peak):
    for rate in (Cosine(final, peak), OneCycle(peak, start, final)):
        assert -1e-12 <= rate(t) <= 1 + 1e-12
