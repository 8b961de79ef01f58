"""Gradient checkpointing: the bits of a training do not change, its pieces run again when they should, and where nets are cut."""

import copy
import random
from functools import partial

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from torch import Tensor, nn

from lightexp.distill.answers import answer
from lightexp.errors import ConfigError, TrainingError
from lightexp.models import MLP, ResNet, build
from lightexp.train import Trainer
from lightexp.train.checkpointing import checkpointing
from lightexp.train.cut import cut
from lightexp.train.recompute import Recomputed
from tests.test_train import bits

IMAGES = torch.randn(6, 3, 8, 8, generator=torch.Generator().manual_seed(0))


def trained(net: nn.Module, segments, inputs: Tensor, listened=(), steps: int = 3, autocast=None) -> list[bytes]:
    """The gradients of some steps, the state that they left, and what torch would draw next; `net` itself stays as it is."""
    net, found = copy.deepcopy(net).train(), []
    within = checkpointing(net, segments, inputs[:2], listened)
    optimizer = torch.optim.SGD([p for p in net.parameters() if p.requires_grad], lr=0.05, momentum=0.9)
    torch.manual_seed(3)
    for _ in range(steps):
        optimizer.zero_grad()
        with within, torch.autocast("cpu", torch.bfloat16, enabled=autocast is not None):
            answers = answer(net, inputs, listened)
            loss = sum(output.float().square().mean() for output in (answers.logits, *answers.features.values()))
        loss.backward()
        optimizer.step()
        found += [p.grad.numpy().tobytes() for p in net.parameters() if p.grad is not None]
    return [*found, *bits(net).values(), torch.rand(1).numpy().tobytes()]


def recomputed(net: nn.Module, segments, inputs: Tensor) -> list[Recomputed]:
    return [module for module in cut(net, segments, inputs[:2]).modules() if isinstance(module, Recomputed)]


class Counting(nn.Module):
    """Counts how often its layer runs."""

    def __init__(self) -> None:
        super().__init__()
        self.runs, self.fc = 0, nn.Linear(4, 4)
        self.fc.register_forward_hook(self.count)

    def count(self, *called) -> None:
        self.runs += 1

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(x).tanh()


class Block(nn.Module):
    def __init__(self, channels: int, activation: nn.Module) -> None:
        super().__init__()
        self.conv, self.norm = nn.Conv2d(channels, channels, 3, padding=1), nn.BatchNorm2d(channels, momentum=None)
        self.conv2, self.activation, self.drop = nn.Conv2d(channels, channels, 1), activation, nn.Dropout2d(0.3)

    def forward(self, x: Tensor) -> Tensor:
        y = self.activation(self.norm(self.conv(x)))
        y = self.drop(self.conv2(y))
        y += x
        return self.activation(y)


def blocks(activation: nn.Module, count: int = 4) -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(*(Block(3, activation) for _ in range(count)), nn.Flatten(), nn.Linear(192, 3))


def user_net() -> nn.Module:
    """A power iteration in its buffers, a size that lives long, and a layer whose forward depends on values."""

    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first = nn.utils.parametrizations.spectral_norm(nn.Conv2d(3, 4, 3))
            self.second = nn.utils.parametrizations.spectral_norm(nn.Conv2d(4, 4, 3))
            self.chosen, self.fc = Chosen(), nn.Linear(64, 3)
            self.scale = nn.Parameter(torch.ones(4, 1, 1))

        def forward(self, x: Tensor, double: bool = False) -> Tensor:
            samples = x.shape[0]
            x = self.first(x).relu() * self.scale
            x = self.chosen(self.second(x) * self.scale)
            return self.fc(x.reshape(samples, -1)) * (2 if double else 1)

    class Chosen(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return x.sigmoid() if x.mean() > 0 else x.tanh()

    torch.manual_seed(0)
    return Net()


NETS = {
    "relu in place": partial(blocks, nn.ReLU(inplace=True)),
    # Once more on its own result it would give another one.
    "hardswish in place": partial(blocks, nn.Hardswish(inplace=True)),
    "user's": user_net,
}


@pytest.mark.parametrize("segments", [2, 3, 1000, "sqrt"])
@pytest.mark.parametrize("name", NETS)
def test_gradients_statistics_and_random_numbers_are_the_same_bits(name, segments):
    net = NETS[name]()
    assert recomputed(net, segments, IMAGES)
    assert trained(net, segments, IMAGES) == trained(net, None, IMAGES)
    assert trained(net, segments, IMAGES, autocast=True) == trained(net, None, IMAGES, autocast=True)


@settings(max_examples=25, deadline=None)
@given(st.lists(st.integers(1, 9), min_size=1, max_size=7), st.integers(2, 12), st.sampled_from([0.0, 0.4]))
def test_there_are_as_many_segments_as_asked_for_or_as_there_are_pieces(widths, segments, dropout):
    torch.manual_seed(0)
    net, x = MLP((5,), 3, widths, dropout, dropout), torch.randn(8, 5, generator=torch.Generator().manual_seed(0))
    pieces = len(recomputed(net, 1000, x)) + 1
    assert pieces >= len(widths) + 1
    assert len(recomputed(net, segments, x)) == min(segments, pieces) - 1
    assert len(recomputed(net, "sqrt", x)) == round(pieces**0.5) - 1
    assert trained(net, segments, x) == trained(net, None, x)


def test_segments_are_of_equal_bytes():
    # 8 numbers a sample out of each of the first two, 16 out of the third and then 8 twice: thirds end behind 16 and 32 of 48.
    net = nn.Sequential(nn.Linear(4, 8), nn.Linear(8, 8), nn.Linear(8, 16), nn.Linear(16, 8), nn.Linear(8, 8))
    parts = recomputed(net, 3, torch.ones(2, 4))
    assert [[name[-1] for name, _ in part.named_modules() if name[-1:].isdigit()] for part in parts] == [["0", "1"], ["2"]]


def test_a_net_is_cut_between_its_residual_blocks_and_never_within():
    parts = recomputed(blocks(nn.ReLU(inplace=True)), 1000, IMAGES)
    sizes = [[module.kernel_size[0] for module in part.modules() if isinstance(module, nn.Conv2d)] for part in parts]
    assert [convs for convs in sizes if convs] == [[3, 1]] * 4


def test_all_segments_but_the_last_run_once_more_and_only_for_gradients():
    torch.manual_seed(0)
    layers = [Counting() for _ in range(4)]
    net, x = nn.Sequential(*layers).train(), torch.randn(2, 4)
    within = checkpointing(net, 4, x)
    with within:
        loss = net(x).sum()
    assert [layer.runs for layer in layers] == [1, 1, 1, 1]
    loss.backward()
    assert [layer.runs for layer in layers] == [2, 2, 2, 1]
    with within, torch.no_grad():
        net(x)
    assert [layer.runs for layer in layers] == [3, 3, 3, 2]


def test_the_net_keeps_its_tree_its_state_and_its_hooks():
    net = blocks(nn.ReLU())
    tree, state, copied = [name for name, _ in net.named_modules()], list(net.state_dict()), copy.deepcopy(net)
    before = bits(net)
    within, calls = checkpointing(net, 3, IMAGES[:2]), []
    net.register_forward_hook(lambda *_: calls.append("net"))
    with within:
        assert torch.equal(net.eval()(IMAGES), copied.eval()(IMAGES))
    assert calls == ["net"]
    assert ([name for name, _ in net.named_modules()], list(net.state_dict()), bits(net)) == (tree, state, before)
    assert "forward" not in vars(net)


@pytest.mark.parametrize("listened", [("0", "2"), ("1.conv2",), ("3", "5")])
def test_listened_layers_are_heard_and_learn_the_same(listened):
    net = blocks(nn.Hardswish())
    assert trained(net, 3, IMAGES, listened) == trained(net, None, IMAGES, listened)


def untraceable() -> nn.Module:
    class Net(nn.Linear):
        def forward(self, x: Tensor) -> Tensor:
            return super().forward(x) if x.mean() > 0 else x

    Net.__module__ = "mine"
    return Net(4, 4)


def whimsical() -> nn.Module:
    class Net(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return x * random.random()

    return Net()


def greedy() -> nn.Module:
    class Net(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            x -= 1
            return x.exp()

    return Net()


REFUSED = [
    (untraceable, "values into a layer of its own"),
    (whimsical, "the same each time"),
    (greedy, "changes them in place"),
]


@pytest.mark.parametrize(("make", "says"), REFUSED)
def test_a_net_that_cannot_be_followed_is_refused_in_one_line(make, says):
    with pytest.raises(ConfigError, match=says) as error:
        cut(make(), 2, torch.ones(2, 4))
    assert "\n" not in str(error.value)


def test_a_part_that_does_something_else_the_second_time_is_refused():
    class Fickle(Counting):
        def forward(self, x: Tensor) -> Tensor:
            return self.fc(x) if self.runs == 0 else self.fc(x).tanh().exp()

    net, x = nn.Sequential(Fickle(), nn.Linear(4, 4)), torch.ones(2, 4)
    loss = Recomputed(net, [])(x).sum()
    with pytest.raises(TrainingError, match="something else"):
        loss.backward()


@pytest.mark.parametrize("segments", [0, 1, -3, 2.5, "cube"])
def test_a_trainer_takes_at_least_two_segments(segments):
    with pytest.raises(ValidationError):
        Trainer(checkpointing=segments)


def test_a_deep_net_is_cut_into_the_root_of_its_pieces():
    net = build(partial(ResNet, depth=56), (3, 8, 8), 10)
    pieces = len(recomputed(net, 1000, IMAGES)) + 1
    assert len(recomputed(net, "sqrt", IMAGES)) == round(pieces**0.5) - 1 == 7
