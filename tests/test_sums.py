"""Losses that add up: by hand, in one pass, and with weights that are learned and left behind."""

from math import exp

import pytest
import torch
from torch import nn

from lightexp.data import Splits
from lightexp.distill import AnnealedSoftLogits, CrossEntropy, LogitsMSE, SoftLogits, Sum, UncertaintySum
from lightexp.errors import ConfigError
from lightexp.stages import Fit
from lightexp.train import Surroundings, checkpoint, fit, module
from tests.test_losses import GIVEN, LABELS, WANTED, value
from tests.test_train import bits, curve, data, perceptron, teacher, training  # noqa: F401

BOTH = {"labels": CrossEntropy(), "soft": SoftLogits(2, alpha=0.5)}


def test_a_sum_by_hand():
    labels, (soft, inside) = value(BOTH["labels"])[0], value(BOTH["soft"])
    total, parts = value(Sum(BOTH, {"soft": 3}))
    assert total == pytest.approx(labels + 3 * soft)
    assert parts == pytest.approx({"labels": labels, "soft": soft, "soft.soft": inside["soft"], "soft.hard": inside["hard"]})


def test_a_sum_within_a_sum():
    inner = Sum({"again": Sum(BOTH, {"labels": 0.25})}, {"again": 2})
    total, parts = value(inner)
    assert total == pytest.approx(0.5 * value(BOTH["labels"])[0] + 2 * value(BOTH["soft"])[0])
    assert "again.soft.hard" in parts


def test_each_net_answers_once():
    asked = []
    net = nn.Identity()
    net.register_forward_hook(lambda *_: asked.append("student"))
    Sum(BOTH | {"squared": LogitsMSE()})((GIVEN, LABELS), net, lambda batch: asked.append("teacher") or WANTED)
    assert asked == ["student", "teacher"]


def test_a_sum_needs_a_teacher_if_a_loss_of_it_does():
    assert Sum(BOTH).needs_teacher
    assert not Sum({"labels": CrossEntropy()}).needs_teacher
    with pytest.raises(ConfigError, match="Sum needs a teacher"):
        Fit(loss=Sum(BOTH))


def test_a_sum_changes_over_time_with_its_losses():
    moving = Sum({"labels": CrossEntropy(), "soft": AnnealedSoftLogits(2)})
    assert moving.at(0.25) == Sum({"labels": CrossEntropy(), "soft": SoftLogits(2, 0.75)})
    assert Sum(BOTH).at(0.25) == Sum(BOTH)


def test_learned_weights_by_hand():
    loss = UncertaintySum(BOTH)
    batch, answers = (GIVEN, LABELS), lambda batch: WANTED
    own = loss.begin(batch, nn.Identity(), answers)
    with torch.no_grad():
        own["log_variances"][0].fill_(0.4)
    labels, soft = value(BOTH["labels"])[0], value(BOTH["soft"])[0]
    total, parts = loss(batch, nn.Identity(), answers, own)
    assert total.item() == pytest.approx(exp(-0.4) * labels + 0.2 + soft)
    assert parts["labels.weight"].item() == pytest.approx(exp(-0.4))
    total.backward()
    assert [s.grad.item() for s in own["log_variances"]] == pytest.approx([0.5 - exp(-0.4) * labels, 0.5 - soft])


def test_learned_weights_settle_at_half_of_what_their_loss_leaves():
    loss, batch, answers = UncertaintySum(BOTH), (GIVEN, LABELS), lambda batch: WANTED
    own = loss.begin(batch, nn.Identity(), answers)
    optimizer = torch.optim.SGD(own.parameters(), lr=0.5)
    for _ in range(300):
        optimizer.zero_grad()
        loss(batch, nn.Identity(), answers, own)[0].backward()
        optimizer.step()
    expected = [0.5 / value(part)[0] for part in BOTH.values()]
    assert [exp(-s.item()) for s in own["log_variances"]] == pytest.approx(expected, rel=1e-3)


class Stop(Exception):
    """The process dies here."""


def test_what_a_loss_learns_is_resumed_and_left_behind(data: Splits, tmp_path, monkeypatch):  # noqa: F811
    monkeypatch.setattr(checkpoint, "SECONDS_BETWEEN", 0)
    monkeypatch.setattr(module, "STEPS_PER_CHUNK", 4)
    loss = UncertaintySum({"labels": CrossEntropy(), "soft": AnnealedSoftLogits(2)})

    def run(around: Surroundings) -> tuple:
        model = perceptron()
        return model, curve(fit(model, data, training(4, loss=loss), 7, teacher, around))

    def die(epoch) -> None:
        if epoch.number == 3:
            raise Stop

    kept = tmp_path / "epoch.ckpt"
    whole, history = run(Surroundings())
    assert set(bits(whole)) == set(bits(perceptron()))
    assert len({epoch["parts"]["soft.weight"] for epoch in history}) == 4
    with pytest.raises(Stop):
        run(Surroundings(kept, on_epoch=die))
    state = torch.load(kept, weights_only=True)["state_dict"]
    assert [name for name in state if name.startswith("own.")] == ["own.log_variances.0", "own.log_variances.1"]
    again, resumed = run(Surroundings(kept))
    assert (bits(again), resumed) == (bits(whole), history)


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: Sum({}), "no losses"),
        (lambda: UncertaintySum(), "no losses"),
        (lambda: Sum(BOTH, {"sofd": 1}), "the loss 'sofd', which is not there; there are: labels, soft"),
        (lambda: Sum({"loss": CrossEntropy()}), "cannot be called 'loss'"),
        (lambda: Sum({"a/b": CrossEntropy()}), "cannot be called 'a/b'"),
    ],
)
def test_a_sum_that_cannot_be_is_refused(make, said):
    with pytest.raises(ConfigError, match=said):
        make()
