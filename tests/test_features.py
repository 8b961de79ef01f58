"""Losses of features: by hand, through hooks that are gone afterwards, and checked before anything is trained."""

from functools import partial
from math import sqrt

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from lightexp.data import Digits
from lightexp.distill import (
    AttentionTransfer,
    CrossEntropy,
    Hint,
    RelationalKD,
    SimilarityPreserving,
    SoftLogits,
    Sum,
    Teacher,
)
from lightexp.distill.answers import answer
from lightexp.errors import ConfigError
from lightexp.experiment import Experiment
from lightexp.models import MLP, ResNet
from lightexp.stages import Chain, Fit, PruneGradually
from lightexp.train import Surroundings, checkpoint, fit, module
from tests.test_train import bits, curve, data, perceptron, training  # noqa: F401

PAIR = (["hidden"], ["hidden"])


class Straight(nn.Module):
    """Gives its inputs as those of its layer "hidden", and its own logits."""

    def __init__(self, features: torch.Tensor):
        super().__init__()
        self.hidden, self.unused = nn.Identity(), nn.ModuleDict({"never": nn.Identity()})
        self.features = nn.Parameter(features)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.hidden(self.features)
        return torch.zeros(len(x), 2)


def distance(loss, given: torch.Tensor, wanted: torch.Tensor) -> tuple[float, torch.Tensor]:
    """Of the features of both nets, with its gradient by the student's."""
    student, teacher = Straight(given), Teacher(Straight(wanted))
    batch = torch.zeros(len(given), 1), torch.zeros(len(given), dtype=torch.int64)
    total, parts = loss(batch, student, teacher)
    total.backward()
    assert total.item() == pytest.approx(loss.weight * parts["features"].item() + loss.hard * parts["hard"].item())
    return parts["features"].item(), student.features.grad


def test_attention_by_hand():
    # Two channels over two places: squares add to (9, 16), of length √337; the teacher's one channel to (0, 4).
    loss = AttentionTransfer(*PAIR, weight=3)
    found, _ = distance(loss, torch.tensor([[[[3.0, 0.0]], [[0.0, 4.0]]]]), torch.tensor([[[[0.0, 2.0]]]]))
    assert found == pytest.approx(sqrt(9**2 / 337 + (16 / sqrt(337) - 1) ** 2) / 2)


def test_similarities_by_hand():
    # Rows of A·Aᵀ: (1, 1) and (1, 2) at length 1; the teacher's samples have nothing in common.
    found, _ = distance(SimilarityPreserving(*PAIR), torch.tensor([[1.0, 0.0], [1.0, 1.0]]), torch.eye(2))
    one, two = 1 / sqrt(2), 1 / sqrt(5)
    assert found == pytest.approx(((one - 1) ** 2 + one**2 + two**2 + (2 * two - 1) ** 2) / 4)


def test_relations_by_hand():
    # A right angle at the origin with legs 3 and 4, against three points on a line at 0, 1 and 3.
    given_points = torch.tensor([[0.0, 0.0], [3.0, 0.0], [0.0, 4.0]])
    wanted = torch.tensor([[0.0], [1.0], [3.0]])
    pairs = [(3 / 4 - 1 / 2), (4 / 4 - 3 / 2), (5 / 4 - 2 / 2)]
    assert distance(RelationalKD(*PAIR, distance_weight=2, angle_weight=0), given_points, wanted)[0] == pytest.approx(
        2 * sum(d * d / 2 for d in pairs) / 3
    )
    # Cosines at the three corners 0, 3/5, 4/5 against 1, −1, 1, each twice of 27; the rest is alike.
    angles = [1 / 2, 1.6 - 1 / 2, 0.2**2 / 2]
    assert distance(RelationalKD(*PAIR, distance_weight=0, angle_weight=1), given_points, wanted)[0] == pytest.approx(
        2 * sum(angles) / 27, rel=1e-5
    )


def test_a_hint_by_hand():
    student, teacher = Straight(torch.tensor([[1.0, 2.0]])), Teacher(Straight(torch.tensor([[5.0, 0.0, 1.0]])))
    batch, loss = (torch.zeros(1, 1), torch.tensor([0])), Hint(*PAIR, hard=0)
    own = loss.begin(batch, student, teacher)
    with torch.no_grad():
        own[0].weight.copy_(torch.tensor([[1.0, 1.0], [0.0, 1.0], [0.0, 0.0]]))
        own[0].bias.zero_()
    # (3, 2, 0) against (5, 0, 1).
    assert loss(batch, student, teacher, own)[0].item() == pytest.approx((4 + 4 + 1) / 3 / 2)


def test_a_hint_between_maps_covers_what_the_student_has_more():
    batch = torch.randn(2, 3), torch.tensor([0, 1])
    student, teacher = Straight(torch.randn(2, 3, 8, 6)), Teacher(Straight(torch.randn(2, 5, 4, 6)))
    (regressor,) = Hint(*PAIR).begin(batch, student, teacher)
    assert (regressor.in_channels, regressor.out_channels, regressor.kernel_size) == (3, 5, (5, 1))
    assert Hint(*PAIR)(batch, student, teacher, nn.ModuleList([regressor]))[0].isfinite()


points = st.lists(st.lists(st.floats(-4, 4, width=16), min_size=3, max_size=3), min_size=4, max_size=4)


@given(points, st.floats(0.25, 4))
def test_relations_and_similarities_know_no_scale_and_no_turn(rows, scale):
    one = torch.tensor(rows)
    other = scale * one[:, [1, 2, 0]] * torch.tensor([1.0, -1.0, 1.0])
    for loss in (RelationalKD(*PAIR), SimilarityPreserving(*PAIR)):
        assert distance(loss, one, other)[0] == pytest.approx(0, abs=1e-3)


@pytest.mark.parametrize("kind", [AttentionTransfer, SimilarityPreserving, RelationalKD])
def test_units_that_are_all_off_get_no_wild_gradient(kind):
    generator = torch.Generator().manual_seed(0)
    wanted = torch.randn(5, 2, 2, 2, generator=generator)
    for off in (slice(0, 2), slice(None)):
        features = torch.randn(5, 2, 2, 2, generator=generator)
        features[off] = 0
        assert distance(kind(*PAIR, weight=1), features, wanted)[1].abs().max() < 1e3


def test_hooks_are_gone_whatever_happens():
    net = Straight(torch.ones(2, 2))
    assert answer(net, torch.zeros(2, 1), ("hidden",)).features["hidden"].tolist() == [[1, 1], [1, 1]]
    with pytest.raises(TypeError):
        answer(net, None, ("hidden",))
    assert not any(m._forward_hooks for m in net.modules())
    net.register_forward_hook(lambda *_: pytest.fail("answered"))
    with pytest.raises(ConfigError, match="no layer 'hiden'; there are: hidden, unused, unused.never"):
        answer(net, torch.zeros(2, 1), ("hiden",))


# In a training


NET = partial(MLP, widths=[10])


class Stop(Exception):
    """The process dies here."""


HINT = Hint(["layers.0"], ["layers.0"])
LOSSES = {"hint": HINT, "in a sum": Sum({"soft": SoftLogits(), "hint": HINT, "labels": CrossEntropy()}, {"hint": 0.5})}


@pytest.mark.parametrize("name", LOSSES)
def test_a_regressor_is_resumed_and_left_behind(data, name, tmp_path, monkeypatch):  # noqa: F811
    monkeypatch.setattr(checkpoint, "SECONDS_BETWEEN", 0)
    monkeypatch.setattr(module, "STEPS_PER_CHUNK", 4)
    torch.manual_seed(5)
    teacher = Teacher(MLP((1, 4, 4), 3, [7]).eval())

    def run(seed: int = 7, **around) -> tuple:
        model = perceptron()
        history = fit(model, data, training(4, loss=LOSSES[name]), seed, teacher, Surroundings(**around))
        return bits(model), curve(history)

    def die(epoch) -> None:
        if epoch.number == 3:
            raise Stop

    whole, kept = run(), tmp_path / "epoch.ckpt"
    assert set(whole[0]) == set(bits(perceptron()))
    torch.rand(3)
    assert run() == whole != run(8)
    with pytest.raises(Stop):
        run(checkpoint=kept, on_epoch=die)
    own = {key: tensor for key, tensor in torch.load(kept)["state_dict"].items() if key.startswith("own.")}
    assert sorted(tensor.shape for tensor in own.values()) == [(7,), (7, 12)]
    assert run(checkpoint=kept) == whole
    feature = "hint" if name == "in a sum" else "features"
    assert whole[1][-1]["parts"][feature] < whole[1][0]["parts"][feature]


def named(loss, stage=Fit, model=NET) -> Experiment:
    fitting = Fit(1, loss=loss, teacher=Chain(model, {"fit": Fit(1)}))
    stages = {"train": fitting if stage is Fit else stage(0.5, fit=fitting)}
    return Experiment(Digits(), model, stages, control=False, store=None)


@pytest.mark.parametrize("stage", [Fit, PruneGradually])
@pytest.mark.parametrize(
    ("loss", "said"),
    [
        (Hint(["layers.9"], ["layers.0"]), "MLP has no layer 'layers.9'; there are: layers, layers.0, layers.1"),
        (Sum({"hint": Hint(["layers.0"], ["fc"])}), "MLP has no layer 'fc'; there are: layers, layers.0"),
        (SimilarityPreserving(["layers"], ["layers.0"]), "'layers' of MLP does not run itself"),
        (AttentionTransfer(["layers.0"], ["layers.0"]), "student's layer layers.0 and the teacher's layers.0: attention is"),
    ],
)
def test_layers_are_checked_before_anything_is_trained(loss, said, stage, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigError, match=f"stage train: .*{said}"):
        named(loss, stage=stage).run()
    assert not list(tmp_path.iterdir())


def test_shapes_that_no_regressor_joins_are_named(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for student, teacher in ((["blocks.2"], ["blocks.0"]), (["fc"], ["blocks.0"])):
        with pytest.raises(ConfigError, match="no regressor leads from"):
            named(Hint(student, teacher), model=partial(ResNet, depth=8)).run()


def test_layers_come_in_pairs():
    for layers in (([], []), (["a"], ["b", "c"])):
        with pytest.raises(ConfigError, match="Hint compares layers in pairs"):
            Hint(*layers)
