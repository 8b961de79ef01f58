"""Losses: by hand, and what a teacher may and may not do."""

from math import exp, log

import pytest
import torch
from pydantic import ValidationError
from torch import nn
from torch.nn import functional as F

from lightexp.distill import CrossEntropy, SoftLogits, Teacher

BATCH = (torch.tensor([[1.0, 0.0], [0.0, 1.0]]), torch.tensor([0, 0]))


def student() -> nn.Module:
    """Gives the logits (2, 0) for the first input and (0, 2) for the second."""
    net = nn.Linear(2, 2, bias=False)
    net.weight.data = 2 * torch.eye(2)
    return net


def teacher(batch) -> torch.Tensor:
    return torch.tensor([[4.0, 0.0], [0.0, 0.0]])


# −log softmax of the right class: log(1 + e^−2) for the first sample, log(1 + e^2) for the second.
HARD = (log(1 + exp(-2)) + log(1 + exp(2))) / 2


def test_cross_entropy_by_hand():
    loss, parts = CrossEntropy()(BATCH, student(), None)
    assert loss.item() == pytest.approx(HARD)
    assert parts == {}
    # Smoothed by 0.2 the labels are (0.9, 0.1); the wrong class costs 2 more in the first sample and 2 less in the second.
    smoothed = CrossEntropy(label_smoothing=0.2)(BATCH, student(), None)[0]
    assert smoothed.item() == pytest.approx(HARD + 0.1 * (2 - 2) / 2)


def test_soft_logits_by_hand():
    # T = 2. Softened, the student gives (1, 0) and (0, 1), the teacher (2, 0) and (0, 0).
    def kl(p: float, q: float) -> float:
        return p * log(p / q) + (1 - p) * log((1 - p) / (1 - q))

    def sigmoid(z: float) -> float:
        return 1 / (1 + exp(-z))

    soft = 4 * (kl(sigmoid(2), sigmoid(1)) + kl(0.5, sigmoid(-1))) / 2
    loss, parts = SoftLogits(temperature=2, alpha=0.75)(BATCH, student(), teacher)
    assert parts["soft"].item() == pytest.approx(soft, rel=1e-5)
    assert parts["hard"].item() == pytest.approx(HARD)
    assert loss.item() == pytest.approx(0.25 * HARD + 0.75 * soft, rel=1e-5)


def test_without_weight_the_teacher_counts_for_nothing():
    one, other = student(), student()
    SoftLogits(alpha=0)(BATCH, one, teacher)[0].backward()
    CrossEntropy()(BATCH, other, None)[0].backward()
    assert SoftLogits(alpha=0)(BATCH, one, teacher)[0].item() == pytest.approx(HARD)
    torch.testing.assert_close(one.weight.grad, other.weight.grad)


def test_who_answers_as_the_teacher_has_nothing_left_to_learn():
    net = student()
    loss, _ = SoftLogits(alpha=1)(BATCH, net, lambda batch: student()(batch[0]).detach())
    loss.backward()
    assert loss.item() == pytest.approx(0, abs=1e-6)
    assert net.weight.grad.abs().max() < 1e-6


@pytest.mark.parametrize("temperature", [20.0, 40.0])
def test_the_square_of_the_temperature_keeps_the_size_of_the_gradient(temperature):
    # For a high T the gradient of the soft part tends to (z − z_teacher) / classes, each centred (Hinton et al. 2015, eq. 4).
    logits = torch.tensor([[0.3, -0.2, 0.1]], requires_grad=True)
    wanted = torch.tensor([[0.5, 0.5, -1.0]])
    loss, _ = SoftLogits(temperature, alpha=1)((logits, torch.tensor([0])), nn.Identity(), lambda batch: wanted)
    difference = (logits - wanted).detach()
    torch.testing.assert_close(
        torch.autograd.grad(loss, logits)[0], (difference - difference.mean()) / 3, rtol=0.05, atol=0.005
    )


def test_no_gradient_reaches_the_teacher_that_the_engine_makes():
    model, net = nn.Linear(2, 2), student()
    loss, parts = SoftLogits()(BATCH, net, Teacher(model))
    loss.backward()
    assert net.weight.grad.any()
    assert all(parameter.grad is None for parameter in model.parameters())
    assert not any(part.requires_grad for part in parts.values())


def test_extreme_logits_stay_finite():
    net = nn.Linear(2, 2, bias=False)
    net.weight.data = 1e4 * torch.eye(2)
    loss, _ = SoftLogits(temperature=0.5, alpha=0.5)(BATCH, net, lambda batch: F.one_hot(1 - batch[1], 2) * 1e4)
    assert loss.isfinite()


@pytest.mark.parametrize(
    "make",
    [lambda: SoftLogits(temperature=0), lambda: SoftLogits(alpha=1.1), lambda: CrossEntropy(1.0), lambda: CrossEntropy(-0.1)],
)
def test_impossible_options_are_refused(make):
    with pytest.raises(ValidationError):
        make()
