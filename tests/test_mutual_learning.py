"""Nets that learn from each other: by hand, alike for all, and peers that leave no trace."""

from functools import partial
from itertools import permutations
from math import exp, log

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn
from torch.nn import functional as F

from lightexp.data import Digits
from lightexp.distill import MutualLearning
from lightexp.distill.answers import Answers
from lightexp.errors import ConfigError
from lightexp.experiment import Experiment, Observer
from lightexp.models import MLP, LeNet5
from lightexp.reparam import layers
from lightexp.stages import Context, Fit, PruneGradually
from lightexp.train import Surroundings, checkpoint, fit, module
from tests.test_train import ADAM, bits, curve, data, perceptron, training  # noqa: F401

NET = partial(MLP, widths=[12])
LABELS = torch.tensor([1])


class Says(nn.Module):
    """Gives the same logits to every input."""

    def __init__(self, *logits: float):
        super().__init__()
        self.logits = nn.Parameter(torch.tensor([logits]))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.logits


def value(loss: MutualLearning, *nets: Says) -> tuple[torch.Tensor, dict]:
    """With the first as the student."""
    student = Answers(nets[0](None), inputs=torch.zeros(1, 1))
    return loss.compare(LABELS, student, None, nn.ModuleList(nets[1:]))


def loss_of(peers: int, weight: float = 1.0) -> MutualLearning:
    return MutualLearning({str(at): NET for at in range(peers)}, weight)


def test_two_by_hand():
    p, q = 1 / (1 + exp(-2)), 1 / 2
    to_student = q * log(q / p) + q * log(q / (1 - p))
    to_peer = p * log(p / q) + (1 - p) * log((1 - p) / q)
    total, parts = value(loss_of(1, 3), Says(2.0, 0.0), Says(1.0, 1.0))
    assert {name: part.item() for name, part in parts.items()} == pytest.approx(
        {"hard": log(1 + exp(2)), "soft": to_student, "peers": log(2)}, rel=1e-5
    )
    assert total.item() == pytest.approx(log(1 + exp(2)) + log(2) + 3 * (to_student + to_peer), rel=1e-5)


def test_each_learns_towards_the_others_who_only_teach():
    nets = [Says(2.0, 0.0), Says(1.0, 1.0), Says(0.0, 3.0)]
    value(loss_of(2, 3), *nets)[0].backward()
    probabilities = [net.logits.detach().softmax(1) for net in nets]
    for at, net in enumerate(nets):
        # The gradient of CE is p − y, and that of KL(q ‖ p), of which each of the others has half of the weight, p − q.
        others = [probabilities[at] - other for k, other in enumerate(probabilities) if k != at]
        torch.testing.assert_close(net.logits.grad, probabilities[at] - F.one_hot(LABELS, 2) + 1.5 * sum(others))


logits = st.lists(st.floats(-4, 4, width=16), min_size=3, max_size=3)


@given(st.lists(logits, min_size=3, max_size=3))
def test_all_nets_count_alike_and_agreement_costs_nothing(rows):
    totals = [value(loss_of(2), *(Says(*row) for row in order))[0].item() for order in permutations(rows)]
    assert totals == pytest.approx([totals[0]] * 6, rel=1e-4)
    hard = sum(F.cross_entropy(torch.tensor([row]), LABELS).item() for row in rows)
    assert totals[0] >= hard - 1e-4
    agreed = value(loss_of(2), *(Says(*rows[0]) for _ in range(3)))[0].item()
    assert agreed == pytest.approx(3 * F.cross_entropy(torch.tensor([rows[0]]), LABELS).item(), abs=1e-4)


class Stop(Exception):
    """The process dies here."""


def test_a_peer_is_another_net_that_is_resumed_and_left_behind(data, tmp_path, monkeypatch):  # noqa: F811
    monkeypatch.setattr(checkpoint, "SECONDS_BETWEEN", 0)
    monkeypatch.setattr(module, "STEPS_PER_CHUNK", 4)

    def run(seed: int = 7, **around) -> tuple:
        model = perceptron()
        history = fit(model, data, training(4, loss=loss_of(1)), seed, None, Surroundings(**around))
        return bits(model), curve(history)

    def die(epoch) -> None:
        if epoch.number == 3:
            raise Stop

    whole, kept = run(), tmp_path / "epoch.ckpt"
    assert set(whole[0]) == set(bits(perceptron()))
    assert whole[1][-1]["parts"]["peers"] < whole[1][0]["parts"]["peers"]
    torch.rand(3)
    assert run() == whole != run(8)
    with pytest.raises(Stop):
        run(checkpoint=kept, on_epoch=die)
    state = torch.load(kept, weights_only=True)["state_dict"]
    peer = {name.removeprefix("own.0."): tensor for name, tensor in state.items() if name.startswith("own.")}
    assert set(peer) == set(bits(perceptron()))
    assert not torch.equal(peer["layers.0.weight"], state["model.layers.0.weight"])
    assert run(checkpoint=kept) == whole


def test_what_works_on_the_student_does_not_see_its_peer(data, tmp_path, monkeypatch):  # noqa: F811
    monkeypatch.setattr(checkpoint, "SECONDS_BETWEEN", 0)
    seen: list[dict] = []

    def look(epoch) -> None:
        if (tmp_path / "epoch.ckpt").exists():
            seen.append(torch.load(tmp_path / "epoch.ckpt", weights_only=True)["state_dict"])

    model = perceptron()
    context = Context(data, seed=1, around=Surroundings(tmp_path / "epoch.ckpt", on_epoch=look))
    PruneGradually(0.5, fit=Fit(4, 32, loss_of(1), ADAM), every=2)(model, context)
    weights = sum(layer.weight.numel() for layer in layers(model).values())
    assert sum(int((layer.weight == 0).sum()) for layer in layers(model).values()) == round(0.5 * weights)
    peer = {name.removeprefix("own.0."): tensor for name, tensor in seen[-1].items() if name.startswith("own.")}
    assert set(peer) == set(bits(perceptron()))
    assert all(tensor.all() for tensor in peer.values())


class Curves(Observer):
    def __init__(self) -> None:
        self.parts: list[dict] = []

    def stage(self, chain, row, curve) -> None:
        self.parts += [epoch["parts"] for epoch in curve]


def experiment(folder, loss: MutualLearning, *observers: Observer) -> Experiment:
    stages = {"before": Fit(1), "train": Fit(2, loss=loss)}
    return Experiment(Digits(), NET, stages, control=False, store=None, directory=folder / "run", observers=observers)


def test_a_peer_may_be_of_another_kind(tmp_path):
    curves = Curves()
    record = experiment(tmp_path, MutualLearning({"wide": partial(MLP, widths=[40, 20])}), curves).run()
    assert record.params == 64 * 12 + 12 + 12 * 10 + 10
    assert curves.parts[-1]["peers"] < curves.parts[-2]["peers"]


def other_classes(input_shape):
    return nn.Sequential(nn.Flatten(), nn.Linear(64, 7))


def other_inputs(input_shape):
    return nn.Sequential(nn.Flatten(), nn.Linear(63, 10))


@pytest.mark.parametrize(
    ("peer", "said"),
    [
        (LeNet5, "LeNet5 takes images of 16×16 or larger"),
        (other_classes, r"the peer it gives \[2, 7\] where the student gives \[2, 10\]"),
        (other_inputs, r"the peer it cannot take inputs of shape \[1, 8, 8\]"),
    ],
)
def test_a_peer_that_cannot_take_the_data_is_refused_before_anything_is_trained(peer, said, tmp_path):
    with pytest.raises(ConfigError, match=f"stage train: .*{said}"):
        experiment(tmp_path, MutualLearning({"it": peer})).run()
    assert not list(tmp_path.iterdir())


def test_it_takes_two():
    with pytest.raises(ConfigError, match="no peers"):
        MutualLearning({})
