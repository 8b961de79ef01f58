"""Precision, accumulation, clipping and averaging: each by hand, with masks and codes held, and resumed to the bit."""

from dataclasses import asdict, replace
from functools import partial

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from torch import nn

from lightexp.data import Splits, split
from lightexp.distill import CrossEntropy
from lightexp.measure import score
from lightexp.prune import Movement
from lightexp.quantize import LSQ, KMeans
from lightexp.reparam import codes_of, layers, mask_of
from lightexp.spec import describe
from lightexp.stages import Context, Fit, Prune, PruneGradually, Quantize, RigL, Stage
from lightexp.train import Constant, Surroundings, checkpoint
from lightexp.train.average import Average
from lightexp.train.parts import parts

SGD = partial(torch.optim.SGD, lr=0.05, momentum=0.9)
ALL = {"precision": "bfloat16", "accumulate": 3, "clip": 0.5, "average": 0.9}


@pytest.fixture(scope="module")
def data() -> Splits:
    """Three classes of noisy 4×4 pictures: 96 that train and 24 that validate."""
    random = np.random.default_rng(0)
    y = np.arange(120) % 3
    x = (random.normal(size=(120, 4, 4)) + random.normal(size=(3, 4, 4))[y]).astype(np.float32)
    return split("made", x, y, x[:30], y[:30], validation=0.2)


def normalised() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(1, 6, 3), nn.BatchNorm2d(6), nn.ReLU(), nn.Flatten(), nn.Linear(24, 3))


def linear() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Flatten(), nn.Linear(16, 3))


def trained(model: nn.Module, data: Splits, stage: Stage, **around) -> tuple[nn.Module, list]:
    context = Context(data, seed=7, around=Surroundings(**around))
    return stage(model, context), [asdict(epoch) | {"seconds": None, "step_seconds": None} for epoch in context.curve]


def bits(model: nn.Module) -> dict[str, bytes]:
    return {name: tensor.numpy().tobytes() for name, tensor in model.state_dict().items()}


def gradients(data: Splits, **options) -> list[torch.Tensor]:
    """The gradient of every step that is about to be taken."""
    seen = []

    def look(model: nn.Module, step: int, steps: int) -> None:
        seen.append(torch.cat([parameter.grad.flatten() for parameter in model.parameters()]))

    fit = Fit(2, 25, optimizer=partial(torch.optim.SGD, lr=0.05), rate=Constant(), **options)
    fit.train(linear(), Context(data, seed=7), after_backward=look)
    return seen


# Accumulation and clipping


def test_parts_by_hand():
    batch = torch.arange(7.0), torch.arange(7)
    cut = [(part[0].tolist(), share) for part, share in parts(batch, 3)]
    assert cut == [([0, 1], 2 / 7), ([2, 3], 2 / 7), ([4, 5, 6], 3 / 7)]
    # Four parts of five samples would leave one of a single sample.
    assert [part[1].tolist() for part, _ in parts((torch.zeros(5), torch.arange(5)), 4)] == [[0, 1], [2, 3, 4]]
    assert [(part[1].tolist(), share) for part, share in parts((torch.zeros(1), torch.arange(1)), 4)] == [([0], 1.0)]


@given(st.integers(1, 70), st.integers(1, 12))
def test_the_mean_of_a_batch_is_that_of_its_parts(samples, count):
    values = torch.arange(samples).double() ** 2
    cut = parts((values, torch.arange(samples)), count)
    assert torch.equal(torch.cat([part[1] for part, _ in cut]), torch.arange(samples))
    assert len(cut) <= count
    assert all(len(part[1]) > 1 for part, _ in cut) or samples == 1
    assert sum(part[0].mean() * share for part, share in cut) == pytest.approx(float(values.mean()))


def test_a_step_in_parts_is_the_step_of_the_whole_batch(data):
    # 96 samples in batches of 25, the last of 21: 4 parts are uneven in both.
    whole, in_parts = gradients(data), gradients(data, accumulate=4)
    assert len(whole) == len(in_parts) == 8
    for one, other in zip(whole, in_parts, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-6)
    losses = [trained(linear(), data, Fit(2, 25, accumulate=count))[1][-1]["loss"] for count in (1, 4)]
    assert losses[0] == pytest.approx(losses[1], rel=1e-5)


def test_a_gradient_is_scaled_down_to_the_norm_and_never_up(data):
    free = gradients(data)[0]
    norm = float(free.norm())
    torch.testing.assert_close(gradients(data, clip=norm / 2)[0], free / 2, rtol=1e-4, atol=1e-7)
    assert torch.equal(gradients(data, clip=2 * norm)[0], free)
    assert all(gradient.norm() <= 0.1 * (1 + 1e-5) for gradient in gradients(data, clip=0.1))


# Precision


def test_bfloat16_is_for_the_forward_pass_alone(data):
    model, seen = linear(), set()
    model[1].register_forward_hook(lambda module, given, output: seen.add((module.training, output.dtype)))
    trained(model, data, Fit(1, 32, precision="bfloat16", optimizer=SGD))
    assert seen == {(True, torch.bfloat16), (False, torch.float32)}
    assert {parameter.dtype for parameter in model.parameters()} == {torch.float32}


def test_the_loss_of_a_bfloat16_net_is_float32(data):
    kinds = set()

    class Noting(CrossEntropy):
        def compare(self, labels, student, teacher, own):
            kinds.add(student.logits.dtype)
            return super().compare(labels, student, teacher, own)

    trained(linear(), data, Fit(1, 32, loss=Noting(), precision="bfloat16"))
    assert kinds == {torch.float32}
    exact, rounded = gradients(data)[0], gradients(data, precision="bfloat16")[0]
    assert not torch.equal(exact, rounded)
    torch.testing.assert_close(exact, rounded, rtol=0.05, atol=0.01)


# Averaging


def test_the_average_by_hand():
    net = nn.Linear(1, 1, bias=False)
    with torch.no_grad():
        net.weight.fill_(1)
        average = Average(net, decay=0.15)
        net.weight.fill_(2)
        average.update(net, 0)  # d = 1/10: 0.1 · 1 + 0.9 · 2
        with average.shown_by(net):
            assert net.weight.item() == pytest.approx(1.9)
        assert net.weight.item() == 2
        net.weight.fill_(4)
        average.update(net, 1)  # d = min(0.15, 2/11): 0.15 · 1.9 + 0.85 · 4
        average.give_to(net)
    assert net.weight.item() == pytest.approx(3.685)


def test_batch_statistics_are_averaged_and_counts_and_masks_are_not():
    net = nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2))
    Prune(0.5)(net, Context(data=None, seed=0))
    average = Average(net, decay=0.5)
    net[1].running_mean.fill_(10)
    net[1].num_batches_tracked.fill_(3)
    mask = mask_of(net[0]).logical_not_().clone()
    average.update(net, 9)  # d = min(1/2, 10/19)
    average.give_to(net)
    assert net[1].running_mean.tolist() == [5, 5]
    assert net[1].num_batches_tracked.item() == 3
    assert torch.equal(mask_of(net[0]), mask)


def test_what_comes_out_is_the_average_of_the_steps_and_was_validated(data):
    seen = []

    class Noting(CrossEntropy):
        def __call__(self, batch, student, teacher):
            seen.append(student[1].weight.detach().clone())
            return super().__call__(batch, student, teacher)

    def fit(decay: float | None) -> tuple[nn.Module, list]:
        return trained(linear(), data, Fit(2, 32, loss=Noting(), optimizer=SGD, average=decay))

    model, curve = fit(0.6)
    steps, expected = [*seen[1:], fit(None)[0][1].weight.detach()], seen[0]
    for step, weight in enumerate(steps[:6]):
        decay = min(0.6, (1 + step) / (10 + step))
        expected = decay * expected + (1 - decay) * (weight if step < 5 else steps[-1])
    torch.testing.assert_close(model[1].weight.detach(), expected, rtol=1e-5, atol=1e-6)
    assert curve[-1]["val_loss"] == score(model, data, data.val).loss != fit(None)[1][-1]["val_loss"]


def test_patience_goes_back_to_the_best_average(data):
    fit = Fit(30, 32, optimizer=partial(SGD, lr=0.5), rate=Constant(), average=0.8, patience=2)
    model, curve = trained(linear(), data, fit)
    losses = [epoch["val_loss"] for epoch in curve]
    assert len(losses) < 30
    assert score(model, data, data.val).loss == min(losses)


CONSTRAINED: dict[str, list[Stage]] = {
    "gradual": [PruneGradually(0.75, Movement(), fit=Fit(4, 32, optimizer=SGD, **ALL), every=2)],
    "rigl": [Prune(0.75), RigL(Fit(4, 32, optimizer=SGD, **ALL), every=2)],
    "codebooks": [Prune(0.75), Quantize(KMeans(3)), Fit(4, 32, optimizer=SGD, **ALL)],
    "one codebook": [Prune(0.75), Quantize(KMeans(3, scope="net")), Fit(4, 32, optimizer=SGD, **ALL)],
    "learned steps": [Prune(0.75), Quantize(LSQ(3)), Fit(4, 32, optimizer=SGD, **ALL)],
}


@pytest.mark.parametrize("name", CONSTRAINED)
def test_averages_stay_under_their_masks_and_on_their_levels_and_resume_to_the_bit(name, data, tmp_path, monkeypatch):
    monkeypatch.setattr(checkpoint, "SECONDS_BETWEEN", 0)
    *before, last = CONSTRAINED[name]

    def run(**around) -> tuple[nn.Module, list]:
        model = normalised()
        for stage in before:
            stage(model, Context(data, seed=1))
        return trained(model, data, last, **around)

    class Stop(Exception):
        pass

    def stop(epoch) -> None:
        if epoch.number == 3:
            raise Stop

    model, curve = run()
    assert sum(int((~mask_of(layer)).sum()) for layer in layers(model).values()) == round(0.75 * (54 + 72))
    for layer in layers(model).values():
        assert not layer.weight[~mask_of(layer)].any()
        code = codes_of(layer)
        assert code is None or torch.equal(code.decode(), layer.weight)
    with pytest.raises(Stop):
        run(checkpoint=tmp_path / "epoch.ckpt", on_epoch=stop)
    resumed, its_curve = run(checkpoint=tmp_path / "epoch.ckpt")
    assert bits(resumed) == bits(model)
    assert its_curve == curve


# The description


def test_an_option_that_is_left_alone_leaves_the_key_alone():
    plain = describe(Fit(3))
    assert not plain.keys() & ALL.keys()
    for name, value in ALL.items():
        assert describe(replace(Fit(3), **{name: value})) == plain | {name: value}


@pytest.mark.parametrize("option", [{"precision": "float16"}, {"accumulate": 0}, {"clip": 0.0}, {"average": 1.0}], ids=str)
def test_options_out_of_range_are_refused(option):
    with pytest.raises(ValidationError, match=next(iter(option))):
        Fit(**option)
