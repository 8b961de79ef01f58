"""A net that teaches its shallow layers: by hand, who learns from whom, and heads that are left behind."""

from functools import partial
from math import exp, log

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from lightexp.data import Digits
from lightexp.distill import CrossEntropy, SelfDistillation, Sum
from lightexp.errors import ConfigError
from lightexp.experiment import Experiment
from lightexp.models import MLP, ResNet
from lightexp.reparam import layers
from lightexp.stages import Context, Fit, PruneGradually
from lightexp.train import Surroundings, checkpoint, fit, module
from tests.test_train import ADAM, bits, curve, data, perceptron, training  # noqa: F401


class Given(nn.Module):
    """Gives fixed outputs of its layers "shallow" and "deep", and fixed logits."""

    def __init__(self, shallow: list, deep: list, logits: list):
        super().__init__()
        self.shallow, self.deep = nn.Identity(), nn.Identity()
        self.outputs = nn.ParameterList(map(torch.tensor, (shallow, deep, logits)))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.shallow(self.outputs[0])
        self.deep(self.outputs[1])
        return self.outputs[2]


NET = partial(Given, [[1.0, 2.0]], [[3.0]], [[2.0, 0.0]])
BATCH = torch.zeros(1, 1), torch.tensor([1])


def begun(loss: SelfDistillation, net: nn.Module, lift: list, classify: list) -> nn.ModuleList:
    """The head's layers with these weights and no biases."""
    own = loss.begin(BATCH, net, None)
    with torch.no_grad():
        for layer, weight in ((own[0].lift, lift), (own[0].classify, classify)):
            layer.weight.copy_(torch.tensor(weight))
            layer.bias.zero_()
    return own


def test_the_loss_by_hand():
    loss, net = SelfDistillation(["shallow"], temperature=2, alpha=0.25), NET()
    # The head: (1, 2) → (1, −2) → (1, 0) behind the ReLU → logits (0, 1). Softened by 2, the net gives (1, 0), the head (0, ½).
    own = begun(loss, net, [[1.0, 0.0], [0.0, -1.0]], [[0.0, 5.0], [1.0, 5.0]])
    p, q = 1 / (1 + exp(-1)), 1 / (1 + exp(0.5))
    soft = 4 * (p * log(p / q) + (1 - p) * log((1 - p) / (1 - q)))
    deepest, hard = log(1 + exp(2)), log(1 + exp(-1))
    total, parts = loss(BATCH, net, None, own)
    assert {name: part.item() for name, part in parts.items()} == pytest.approx(
        {"deepest": deepest, "soft": soft, "hard": hard}, rel=1e-5
    )
    assert total.item() == pytest.approx(deepest + 0.75 * hard + 0.25 * soft, rel=1e-5)


def test_features_by_hand():
    loss, net = SelfDistillation(["shallow"], "deep", alpha=0, features=0.5), NET()
    # The head: (1, 2) → 1 + 2·2 = 5 where the deep layer gives 3 → logits (0, 5).
    own = begun(loss, net, [[1.0, 2.0]], [[0.0], [1.0]])
    total, parts = loss(BATCH, net, None, own)
    assert parts["features"].item() == pytest.approx((5 - 3) ** 2 / 2)
    assert total.item() == pytest.approx(log(1 + exp(2)) + log(1 + exp(-5)) + 0.5 * 2, rel=1e-5)


def test_the_deepest_layer_teaches_and_learns_from_the_labels_alone():
    loss, net, alone = SelfDistillation(["shallow"], "deep", alpha=0.5, features=1), NET(), NET()
    loss(BATCH, net, None, loss.begin(BATCH, net, None))[0].backward()
    F.cross_entropy(alone(BATCH[0]), BATCH[1]).backward()
    shallow, deep, logits = (output.grad for output in net.outputs)
    torch.testing.assert_close(logits, alone.outputs[2].grad)
    assert shallow.any()
    assert deep is None


def test_a_head_on_maps_sees_their_mean():
    torch.manual_seed(0)
    maps = torch.randn(1, 3, 4, 5)
    net = Given(maps.tolist(), [[0.0]], [[0.0, 0.0]])
    loss = SelfDistillation(["shallow"])
    own = loss.begin(BATCH, net, None)
    assert own[0].lift.weight.shape == (3, 3)
    torch.testing.assert_close(own[0](maps)[0], own[0].lift(maps.mean((2, 3))))
    deep = SelfDistillation(["blocks.0"], "blocks.2", features=1)
    batch, resnet = (torch.randn(2, 1, 8, 8), torch.tensor([0, 1])), ResNet((1, 8, 8), 2, depth=8)
    own = deep.begin(batch, resnet, None)
    assert own[0].lift.weight.shape == (64, 16)
    assert deep(batch, resnet, None, own)[0].isfinite()


class Stop(Exception):
    """The process dies here."""


ALONE = SelfDistillation(["layers.0"], "layers.0", features=0.1)


@pytest.mark.parametrize("loss", [ALONE, Sum({"self": ALONE, "labels": CrossEntropy()})], ids=["alone", "in a sum"])
def test_heads_are_resumed_and_left_behind(data, loss, tmp_path, monkeypatch):  # noqa: F811
    monkeypatch.setattr(checkpoint, "SECONDS_BETWEEN", 0)
    monkeypatch.setattr(module, "STEPS_PER_CHUNK", 4)

    def run(seed: int = 7, **around) -> tuple:
        model = perceptron()
        return bits(model), curve(fit(model, data, training(4, loss=loss), seed, None, Surroundings(**around)))

    def die(epoch) -> None:
        if epoch.number == 3:
            raise Stop

    whole, kept = run(), tmp_path / "epoch.ckpt"
    assert set(whole[0]) == set(bits(perceptron()))
    torch.rand(3)
    assert run() == whole != run(8)
    with pytest.raises(Stop):
        run(checkpoint=kept, on_epoch=die)
    own = [name for name in torch.load(kept, weights_only=True)["state_dict"] if name.startswith("own.")]
    assert len(own) == 4
    assert run(checkpoint=kept) == whole


def test_a_net_that_is_pruned_learns_from_itself(data):  # noqa: F811
    model = perceptron()
    fitting = Fit(2, 32, SelfDistillation(["layers.0"]), ADAM)
    context = Context(data, seed=1)
    PruneGradually(0.5, fit=fitting, every=2)(model, context)
    weights = sum(layer.weight.numel() for layer in layers(model).values())
    assert sum(int((layer.weight == 0).sum()) for layer in layers(model).values()) == round(0.5 * weights)
    assert context.curve[-1].parts["hard"] < context.curve[0].parts["hard"]


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: SelfDistillation([]), "name at least one in shallow"),
        (lambda: SelfDistillation(["a"], "b"), "both deepest, a layer, and a weight in features"),
        (lambda: SelfDistillation(["a"], features=1), "both deepest, a layer, and a weight in features"),
    ],
)
def test_what_cannot_be_is_refused(make, said):
    with pytest.raises(ConfigError, match=said):
        make()


@pytest.mark.parametrize(
    ("loss", "said"),
    [
        (SelfDistillation(["layers.9"]), "MLP has no layer 'layers.9'; there are: layers, layers.0"),
        (Sum({"self": SelfDistillation(["layers.0"], "fc", features=1)}), "MLP has no layer 'fc'"),
        (SelfDistillation(["layers"]), "'layers' of MLP does not run itself"),
    ],
)
def test_layers_are_checked_before_anything_is_trained(loss, said, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    net = partial(MLP, widths=[10])
    with pytest.raises(ConfigError, match=f"stage train: .*{said}"):
        Experiment(Digits(), net, {"before": Fit(1), "train": Fit(1, loss=loss)}, control=False, store=None).run()
    assert not list(tmp_path.iterdir())
