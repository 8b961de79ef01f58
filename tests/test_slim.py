"""Channels that go together go together: counts by hand, what is left says what it said, what cannot go stays."""

import copy
from functools import partial

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from lightexp.data import Digits, Splits, split
from lightexp.errors import ConfigError
from lightexp.experiment.preflight import check
from lightexp.models import MLP, build
from lightexp.reparam import layers
from lightexp.slim import Channels, Group, Latency, MACs, Params, cut, steps, trace
from lightexp.stages import Chain, Context, Slim
from lightexp.train import Trainer
from tests.slimming import NETS, fresh, inputs, slimmed
from tests.test_remove_dead import net_of


@pytest.fixture(scope="module")
def digits() -> Splits:
    return Digits().load()


@pytest.fixture(scope="module")
def eight_features() -> Splits:
    x = np.random.default_rng(0).random((30, 8)).astype(np.float32)
    return split("eight", x, np.arange(30) % 3, x[:6], np.arange(6) % 3, validation=0.2)


# Which channels are one


@pytest.mark.parametrize(
    ("name", "sizes"),
    [
        ("lenet5", [20, 50, 500]),
        ("mlp", [12, 9]),
        # The stem and the shortcuts of the first stage, padded: 16 for all three stages, 16 more for two, 32 more for the last.
        ("resnet20", [16, 16, 16, 16, 32, 16, 32, 32, 64, 32, 64, 64]),
    ],
)
def test_the_groups_of_a_net(name, sizes):
    found = trace(fresh(name), inputs(NETS[name][1]))
    assert sorted(map(len, found.groups)) == sorted(sizes)
    assert list(found.whole.values()) == ["they are the net's answers"]


def test_a_flattened_channel_is_several_inputs():
    conv2 = next(group for group in trace(fresh("lenet5"), inputs((1, 16, 16))).groups if "conv2" in group.written)
    assert conv2.written["conv2"].tolist() == [[at] for at in range(50)]
    assert conv2.read["fc1"].shape == (50, 1)  # one pixel is left of 16×16
    conv2 = next(group for group in trace(fresh("simplenet"), inputs((3, 8, 8))).groups if "conv2" in group.written)
    assert conv2.read["fc1"][1].tolist() == [4, 5, 6, 7]


@pytest.mark.parametrize("name", NETS)
def test_what_is_left_says_what_the_net_said_without_those_channels(name):
    net, x = fresh(name), inputs(NETS[name][1])
    random, gone, silent = torch.Generator().manual_seed(1), [], copy.deepcopy(net)
    for group in trace(net, x).groups:
        chosen = (torch.rand(len(group), generator=random) < 0.4).nonzero().flatten()[: len(group) - 1]
        gone.append((group, chosen))
        for reader, members in group.read.items():
            silent.get_submodule(reader).weight.data[:, members[chosen].flatten()] = 0
    with torch.no_grad():
        torch.testing.assert_close(cut(net, gone)(x), silent(x), rtol=1e-3, atol=1e-4 * float(silent(x).abs().max()))


class Odd(nn.Module):
    """A net of which little can be cut: what stands in the way, by kind."""

    def __init__(self, kind: str) -> None:
        super().__init__()
        self.kind, self.first, self.second, self.last = kind, nn.Linear(8, 8), nn.Linear(8, 8), nn.Linear(8, 3)
        self.extra = {"norm": nn.LayerNorm(8), "groups": nn.Conv1d(8, 8, 1, groups=4)}.get(kind)
        if kind == "parameter":
            self.scale = nn.Parameter(torch.rand(8))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.second(self.first(x).relu()).relu()
        match self.kind:
            case "view":
                x = x.view(-1, 2, 4).flatten(1)
            case "softmax":
                x = x.softmax(1)
            case "shuffle":
                x = x.reshape(len(x), 2, -1).transpose(1, 2).flatten(1)
            case "norm":
                x = self.extra(x)
            case "groups":
                x = self.extra(x[..., None]).flatten(1)
            case "parameter":
                x = x * self.scale
        return self.last(x)


@pytest.mark.parametrize(
    ("kind", "why"),
    [
        ("view", "fails when they are fewer"),
        ("softmax", "past the layers that read them"),
        ("shuffle", "past the layers that read them"),
        ("norm", "extra, a LayerNorm, works on them"),
        ("groups", "extra is a convolution in groups"),
        ("parameter", r"a parameter of shape \[8\] that belongs to no layer"),
    ],
)
def test_a_layer_whose_channels_cannot_go_is_left_whole_and_refused_by_name(kind, why, eight_features):
    torch.manual_seed(0)
    net = Odd(kind)
    slimmed(Slim(Channels(0.2)), net, eight_features)
    assert (len(net.second.weight), len(net.last.weight)) == (8, 3)
    assert len(net.first.weight) == (2 if kind == "groups" else 4)  # of 19 channels, or 27, at least 0.2 are gone
    with pytest.raises(ConfigError, match=f"^the channels of layer second cannot be cut: .*{why}") as caught:
        Slim(Channels(0.2), layers=("first", "second")).check_both(Odd(kind), eight_features)
    assert "\n" not in str(caught.value)


# How much goes


def test_macs_and_parameters_by_hand():
    net = fresh("lenet5")
    groups = {next(iter(group.written)): group for group in trace(net, inputs((1, 16, 16))).groups}
    cut(net, [(groups["conv1"], torch.arange(5)), (groups["conv2"], torch.arange(20)), (groups["fc1"], torch.arange(400))])
    assert [tuple(layer.weight.shape) for layer in layers(net).values()] == [
        (15, 1, 5, 5),
        (30, 15, 5, 5),
        (100, 30),
        (10, 100),
    ]
    # 12×12 and 2×2 places.
    assert MACs().of(net, (1, 16, 16)) == 144 * 15 * 25 + 4 * 30 * 15 * 25 + 100 * 30 + 10 * 100
    assert Params().of(net, (1, 16, 16)) == 15 * 26 + 30 * (15 * 25 + 1) + 100 * 31 + 10 * 101
    assert Channels().of(net, (1, 16, 16)) == 15 + 30 + 100 + 10


def test_the_smallest_filters_go_first_by_hand(eight_features):
    net = net_of(
        [[1.0] * 8, [4] * 8, [2] * 8, [3] * 8], [[5.0, 1, 1, 1]] * 3, [[1.0] * 3] * 3, biases=[[0] * 4, [0] * 3, [0] * 3]
    )
    # Of 10 channels 2 go: the filters of size 1 and 2 of 2.5 on average; those of the second layer are all average.
    slimmed(Slim(Channels(0.2)), net, eight_features)
    assert net[0].weight[:, 0].tolist() == [4, 3]
    assert net[2].weight.tolist() == [[1, 1]] * 3  # what was read of the two that stayed
    slimmed(Slim(Channels(0.25), skip=("0",)), net, eight_features)
    assert [len(layer.weight) for layer in layers(net).values()] == [2, 1, 3]  # 2 of 8


def group(size: int) -> Group:
    return Group({"a": torch.arange(size)[:, None]}, {"b": torch.arange(size)[:, None]})


def test_the_order_of_the_steps_by_hand():
    one, other = group(5), group(2)
    scores = [torch.tensor([5.0, 1, 4, 2, 3]), torch.tensor([1.5, 9])]
    assert [(len(s.group), s.channels.tolist()) for s in steps([one, other], scores, "global", 1)] == [
        *((5, [1]), (2, [0]), (5, [3]), (5, [4]), (5, [2])),
    ]
    # Down to 4, then to 2; the group of 2 stays whole.
    assert [s.channels.tolist() for s in steps([one, other], scores, "global", 2)] == [[1], [3, 4]]
    # 1/5, 2/5, 1/2, 3/5, 4/5.
    assert [len(s.group) for s in steps([one, other], scores, "layer", 1)] == [5, 5, 2, 5, 5]


SCOPES = st.sampled_from(["global", "layer"])
AMOUNTS = st.builds(lambda kind, share: kind(share), st.sampled_from([Channels, MACs, Params]), st.floats(0, 0.99))


@settings(max_examples=25, deadline=None)
@given(AMOUNTS, SCOPES, st.integers(1, 5), st.sampled_from(["mlp", "bn_mlp"]))
def test_any_amount_is_reached_and_not_passed_or_the_largest_is_named(digits, amount, scope, multiple, name):
    net, stage = fresh(name), Slim(amount, scope=scope, multiple=multiple)
    dense, before = amount.of(net, (1, 8, 8)), [len(layer.weight) for layer in layers(net).values()]
    try:
        stage.check_both(net, digits)
    except ConfigError as error:
        largest = float(str(error).split()[-1])
        assert largest < amount.share
        stage = Slim(type(amount)(largest), scope=scope, multiple=multiple)
    slimmed(stage, net, digits)
    widths = [len(layer.weight) for layer in layers(net).values()]
    assert amount.of(net, (1, 8, 8)) <= (1 - stage.amount.share) * dense
    assert all(width == was or (width % multiple == 0 and width > 0) for width, was in zip(widths, before, strict=True))
    assert widths[-1] == 10
    assert net(inputs((1, 8, 8))).isfinite().all()


def test_a_measured_latency_is_an_amount_too(digits):
    net = build(partial(MLP, widths=[1024, 1024]), (1, 8, 8), 10).eval()
    stage = Slim(Latency(0.5, seconds=0.05))
    stage.check(net)
    slimmed(stage, net, digits)
    assert all(len(layer.weight) < 1024 for layer in layers(net).values())
    assert net(inputs((1, 8, 8))).isfinite().all()


def test_an_amount_that_would_empty_a_layer_is_refused_before_training(digits, eight_features):
    with pytest.raises(ConfigError, match="MACs cannot be cut by a share of 0.999, .* ask for at most 0.9"):
        Slim(MACs(0.999)).check_both(fresh("mlp"), digits)
    with pytest.raises(ConfigError, match=r"no layer whose channels can be cut \(0: they are the net's answers\)"):
        Slim().check_both(nn.Sequential(nn.Linear(8, 3)), eight_features)
    with pytest.raises(ConfigError, match="layers.1 cannot be cut: they are also those of layers.1, which skip leaves whole"):
        Slim(layers=("layers.1",), skip=("layers.1",)).check_both(fresh("mlp"), digits)
    with pytest.raises(ConfigError, match="'nowhere'"):
        Slim(layers=("nowhere",)).check(fresh("mlp"))


def test_what_is_left_to_a_second_cut_is_not_judged_by_the_whole_net(digits):
    # Of 12 + 9 + 10 outputs 10 go, then 6 more: the second layer alone could give 8, a share of 0.258.
    factory = partial(MLP, widths=[12, 9])
    first, second = Slim(Channels(0.3), layers=("layers.0",)), Slim(Channels(0.5), layers=("layers.1",))
    check(Chain(factory, {"first": first, "second": second}), "student", digits, Trainer())
    with pytest.raises(ConfigError, match="stage second: Channels cannot be cut by a share of 0.5, .* ask for at most 0.258"):
        check(Chain(factory, {"second": second}), "student", digits, Trainer())
    context = Context(digits, seed=1, fresh=lambda: build(factory, (1, 8, 8), 10))
    net = second(first(context.fresh(), context), context)
    assert [len(layer.weight) for layer in layers(net).values()] == [2, 3, 10]
