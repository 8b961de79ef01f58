"""Losses of logits, by hand."""

from math import exp, log

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from torch import Tensor, nn
from torch.nn import functional as F

from lightexp.distill import (
    AnnealedSoftLogits,
    CrossEntropy,
    DecoupledKD,
    EntropySoftLogits,
    GapSoftLogits,
    LogitsMSE,
    SoftLogits,
)

LABELS = torch.tensor([0, 2])
GIVEN = torch.tensor([[1.0, 0.0, 0.0], [0.0, 0.0, log(2)]])
WANTED = torch.tensor([[3.0, 1.0, 0.0], [0.0, 0.0, 0.0]])
HARD = (log(1 + 2 * exp(-1)) + log(2)) / 2
"""Of GIVEN: the first sample costs log(1 + 2/e), the second, whose right class has one half, log 2."""


def value(loss, given: Tensor = GIVEN, wanted: Tensor = WANTED, labels: Tensor = LABELS):
    total, parts = loss((given, labels), nn.Identity(), lambda batch: wanted)
    return total.item(), {name: part.item() for name, part in parts.items()}


def softmax(*logits: float) -> list[float]:
    return [exp(z) / sum(map(exp, logits)) for z in logits]


def kl(p: list[float], q: list[float]) -> float:
    return sum(a * log(a / b) for a, b in zip(p, q, strict=True))


def test_squared_logits_by_hand():
    # Half of 4 + 1 + 0 and half of (log 2)².
    squared = (2.5 + log(2) ** 2 / 2) / 2
    total, parts = value(LogitsMSE(alpha=0.75))
    assert parts == pytest.approx({"squared": squared, "hard": HARD}, rel=1e-5)
    assert total == pytest.approx(0.25 * HARD + 0.75 * squared, rel=1e-5)
    assert value(LogitsMSE())[0] == pytest.approx(squared, rel=1e-5)


def test_decoupled_by_hand():
    # T = 1. First: the right class is 0, the wrong ones stand at (0, 0) in the student and (1, 0) in the teacher.
    # Second: the right class has 1/2 in the student and 1/3 in the teacher, and the wrong ones are alike in both.
    first_given, first_wanted = softmax(1, 0, 0)[0], softmax(3, 1, 0)[0]
    target = kl([first_wanted, 1 - first_wanted], [first_given, 1 - first_given]) + kl([1 / 3, 2 / 3], [1 / 2, 1 / 2])
    others = kl(softmax(1, 0), [0.5, 0.5])
    total, parts = value(DecoupledKD(temperature=1, alpha=2, beta=3, hard=0.5))
    assert parts == pytest.approx({"target": target / 2, "others": others / 2, "hard": HARD}, rel=1e-5)
    assert total == pytest.approx(0.5 * HARD + target + 1.5 * others, rel=1e-5)


logits = st.lists(st.floats(-8, 8, width=32), min_size=4, max_size=4)


@given(logits, logits, st.integers(0, 3), st.floats(0.5, 8))
def test_soft_logits_are_the_decoupled_ones_with_the_teachers_own_weight(given_logits, wanted_logits, label, temperature):
    # KL = TCKD + (1 − p_y)·NCKD (Zhao et al. 2022, eq. 5).
    both = torch.tensor([given_logits]), torch.tensor([wanted_logits]), torch.tensor([label])
    unsure = 1 - F.softmax(both[1] / temperature, 1)[0, label].item()
    total, _ = value(DecoupledKD(temperature, alpha=1, beta=unsure, hard=0), *both)
    assert total == pytest.approx(value(SoftLogits(temperature, alpha=1), *both)[0], rel=1e-3, abs=1e-3)


def test_a_teachers_entropy_weighs_by_hand():
    # The second sample's teacher cannot tell: its label has all the say. The first counts by 1 − H / log 3.
    p = softmax(3, 1, 0)
    weight = 1 + sum(a * log(a) for a in p) / log(3)
    first = (1 - 0.8 * weight) * log(1 + 2 * exp(-1)) + 0.8 * weight * kl(p, softmax(1, 0, 0))
    total, parts = value(EntropySoftLogits(temperature=1, alpha=0.8))
    assert total == pytest.approx((first + log(2)) / 2, rel=1e-5)
    assert parts["alpha"] == pytest.approx(0.4 * weight, rel=1e-5)


def test_the_gap_weighs_by_hand():
    # Total variation of the second sample: (1/4, 1/4, 1/2) against thirds is 1/6.
    p, q = softmax(3, 1, 0), softmax(1, 0, 0)
    gap = sum(abs(a - b) for a, b in zip(p, q, strict=True)) / 2
    first = (1 - gap) * log(1 + 2 * exp(-1)) + gap * kl(p, q)
    second = 5 / 6 * log(2) + kl([1 / 3] * 3, [1 / 4, 1 / 4, 1 / 2]) / 6
    total, parts = value(GapSoftLogits(temperature=1, alpha=1))
    assert total == pytest.approx((first + second) / 2, rel=1e-5)
    assert parts["alpha"] == pytest.approx((gap + 1 / 6) / 2, rel=1e-5)


@pytest.mark.parametrize("kind", [EntropySoftLogits, GapSoftLogits])
def test_no_gradient_passes_through_a_weight(kind):
    given_logits = GIVEN.clone().requires_grad_()
    total, parts = kind(temperature=2, alpha=0.7)((given_logits, LABELS), nn.Identity(), lambda batch: WANTED)
    weight = kind().weight(GIVEN, WANTED) * 0.7
    total_of_samples = 0
    for row, alpha in enumerate(weight.tolist()):
        sample, wanted = (given_logits[[row]], LABELS[[row]]), WANTED[[row]]
        total_of_samples += SoftLogits(2, alpha)(sample, nn.Identity(), lambda batch, wanted=wanted: wanted)[0]
    expected = torch.autograd.grad(total_of_samples / 2, given_logits)[0]
    torch.testing.assert_close(torch.autograd.grad(total, given_logits)[0], expected)
    assert not any(part.requires_grad for part in parts.values())


def test_a_teacher_is_left_over_time():
    loss = AnnealedSoftLogits(temperature=2, alpha=0.9, final=0.1)
    assert loss.at(0) == SoftLogits(2, 0.9)
    assert value(loss.at(0.5)) == value(SoftLogits(2, 0.5))
    assert value(AnnealedSoftLogits().at(0.75)) == value(SoftLogits(alpha=0.25))
    assert SoftLogits().at(0.5) == SoftLogits()


KINDS = [LogitsMSE, DecoupledKD, EntropySoftLogits, GapSoftLogits, AnnealedSoftLogits]


@pytest.mark.parametrize("kind", KINDS)
def test_extreme_logits_stay_finite(kind):
    given_logits = (1e3 * GIVEN).requires_grad_()
    total, _ = kind()((given_logits, LABELS), nn.Identity(), lambda batch: -1e3 * WANTED)
    assert total.isfinite()
    assert torch.autograd.grad(total, given_logits)[0].isfinite().all()


def test_two_classes_have_one_wrong_one():
    total, parts = value(DecoupledKD(1), torch.tensor([[0.0, 0.0]]), torch.tensor([[0.0, 0.0]]), torch.tensor([1]))
    assert (parts["target"], parts["others"]) == (0, 0)
    assert total == pytest.approx(log(2))


def test_labels_alone_are_what_is_left_without_a_weight():
    expected = value(CrossEntropy())[0]
    for loss in (LogitsMSE(0), DecoupledKD(alpha=0, beta=0), EntropySoftLogits(alpha=0), GapSoftLogits(alpha=0)):
        assert value(loss)[0] == pytest.approx(expected)


@pytest.mark.parametrize(
    "make",
    [
        lambda: LogitsMSE(1.5),
        lambda: DecoupledKD(0),
        lambda: DecoupledKD(beta=-1),
        lambda: GapSoftLogits(alpha=-0.1),
        lambda: AnnealedSoftLogits(final=2),
    ],
)
def test_impossible_options_are_refused(make):
    with pytest.raises(ValidationError):
        make()
