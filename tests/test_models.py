"""The nets have the papers' sizes, and are built alike from a config, from Python and from the description in a file."""

import functools
import json
from pathlib import Path

import pytest
import torch
from hydra.utils import instantiate
from hypothesis import given, settings
from hypothesis import strategies as st
from omegaconf import OmegaConf
from torch import nn

from lightexp import models
from lightexp.errors import ArtifactError, ConfigError
from lightexp.models import MLP, LeNet5, ResNet, SimpleNet, VGGSmall, build, from_spec, net_spec, torchvision_net

MNIST, CIFAR, TINY = (1, 28, 28), (3, 32, 32), (1, 8, 8)
LENET300 = functools.partial(MLP, widths=[300, 100])
CONFIGS = sorted((Path(__file__).parent.parent / "conf" / "model").glob("*.yaml"))


class Foreign(nn.Module):
    """A net of a user's own, with the argument names that torchvision uses."""

    def __init__(self, num_classes: int, in_channels: int = 3, width: int = 4):
        super().__init__()
        self.conv = nn.Conv2d(in_channels, width, 1)
        self.fc = nn.Linear(width, num_classes)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.fc(self.conv(x).mean((2, 3)))


def bare() -> nn.Module:
    return nn.Linear(4, 2)


def passes_on(**options: int) -> nn.Module:
    return Foreign(**options)


def no_net(classes: int) -> int:
    return classes


def breaks() -> nn.Module:
    raise ValueError("a bug of the user's own")


def parameters(net: nn.Module) -> int:
    return sum(parameter.numel() for parameter in net.parameters())


def shapes(net: nn.Module) -> dict[str, torch.Size]:
    return {name: tensor.shape for name, tensor in net.state_dict().items()}


@pytest.mark.parametrize(
    ("factory", "input_shape", "classes", "count"),
    [
        (LENET300, MNIST, 10, 266_610),
        (functools.partial(MLP, widths=[]), (20,), 3, 20 * 3 + 3),
        (LeNet5, MNIST, 10, 431_080),
        (SimpleNet, MNIST, 10, 640 + 36_928 + (64 * 7 * 7 + 1) * 128 + 1_290),
        (SimpleNet, CIFAR, 10, 1_792 + 36_928 + (64 * 8 * 8 + 1) * 128 + 1_290),
        (VGGSmall, CIFAR, 10, 9 * 508_288 + 2 * 1_792 + 512 * 16 * 10 + 10),
        (ResNet, CIFAR, 10, 269_722),
        (ResNet, MNIST, 10, 269_722 - 2 * 9 * 16),
        (functools.partial(ResNet, depth=32), CIFAR, 10, 464_154),
        (functools.partial(ResNet, depth=56), CIFAR, 10, 853_018),
        (ResNet, CIFAR, 100, 269_722 + 90 * 65),
    ],
)
def test_nets_have_the_parameters_of_their_papers(factory, input_shape, classes, count):
    assert parameters(build(factory, input_shape, classes)) == count


@pytest.mark.parametrize("factory", [LENET300, LeNet5, SimpleNet, ResNet, VGGSmall])
@pytest.mark.parametrize("input_shape", [TINY, MNIST, CIFAR, (2, 17, 23), (12,)])
def test_nets_follow_the_input_or_say_that_they_cannot(factory, input_shape):
    if (len(input_shape) == 1 and factory is not LENET300) or (input_shape == TINY and factory is LeNet5):
        with pytest.raises(ConfigError, match=r"takes images"):
            build(factory, input_shape, 7)
    else:
        assert build(factory, input_shape, 7)(torch.randn(2, *input_shape)).shape == (2, 7)


@pytest.mark.parametrize(("net", "size"), [(LeNet5, 16), (SimpleNet, 4), (VGGSmall, 8), (ResNet, 1)])
def test_the_smallest_size_is_the_smallest_that_works(net, size):
    assert net((1, size, size), 2).eval()(torch.zeros(1, 1, size, size)).shape == (1, 2)
    with pytest.raises(ConfigError, match=f"{size}×{size} or larger"):
        net((1, size - 1, size), 2)


def test_names_of_parameters_are_short():
    assert list(LENET300(MNIST, 10).state_dict())[:2] == ["layers.0.weight", "layers.0.bias"]
    assert list(LeNet5(MNIST, 10).state_dict())[::2] == ["conv1.weight", "conv2.weight", "fc1.weight", "fc2.weight"]


def test_dropout_acts_in_training_alone():
    net, x = MLP((50,), 5, widths=[50], dropout=0.5, input_dropout=0.2), torch.randn(4, 50)
    assert not torch.equal(net(x), net(x))
    net.eval()
    assert torch.equal(net(x), net(x))


def test_the_shortcut_of_a_resnet_keeps_each_second_pixel_and_adds_empty_filters():
    block, x = ResNet(CIFAR, 10).blocks[3], torch.randn(1, 16, 5, 5)
    y = block.shortcut(x)
    assert y.shape == (1, 32, 3, 3)
    assert torch.equal(y[:, :16], x[:, :, ::2, ::2])
    assert not y[:, 16:].any()


@pytest.mark.parametrize(
    ("factory", "says"),
    [
        (functools.partial(ResNet, depth=18), r"must be 6n \+ 2"),
        (functools.partial(ResNet, depth="20"), r"must be 6n \+ 2"),
        (functools.partial(MLP, widths=300), "widths must be"),
        (functools.partial(MLP, widths=[0]), "widths must be"),
        (functools.partial(MLP, widths=[3], dropout=1.0), "dropout is 1.0"),
        (functools.partial(MLP, widths=[3], input_dropout=None), "input_dropout is None"),
        (MLP, r"MLP .*'widths' \(its options: widths, dropout, input_dropout\)"),
        (functools.partial(LeNet5, width=3), r"LeNet5 .*'width' \(its options: none\)"),
        (functools.partial(LENET300, classes=3), "classes follows from the data"),
        (functools.partial(passes_on, num_classes=1, colour=1), "passes_on cannot .*'colour'"),
        (no_net, "no_net made int"),
        (4, "4 is not a net's class"),
    ],
)
def test_a_config_that_cannot_be_built_is_refused_in_one_line(factory, says):
    with pytest.raises(ConfigError, match=says) as caught:
        build(factory, CIFAR, 10)
    assert "\n" not in str(caught.value)


def test_a_factory_is_given_what_it_names():
    assert shapes(build(functools.partial(Foreign, width=6), CIFAR, 9))["fc.weight"] == (9, 6)
    assert shapes(build(functools.partial(Foreign, num_classes=2, in_channels=1), CIFAR, 9))["fc.weight"] == (2, 4)
    assert shapes(build(functools.partial(MLP, CIFAR, 9, [5]), CIFAR, 9))["layers.1.weight"] == (9, 5)
    assert build(bare, CIFAR, 9).out_features == 2
    with pytest.raises(ValueError, match="a bug of the user's own"):
        build(breaks, CIFAR, 9)


@pytest.mark.parametrize("config", CONFIGS, ids=lambda path: path.stem)
def test_configs_build_and_their_specs_rebuild(config):
    loaded = OmegaConf.load(config)
    assert list(loaded)[:2] == ["_target_", "_partial_"]
    if OmegaConf.is_missing(loaded, "_target_"):
        loaded = OmegaConf.merge(loaded, {"_target_": f"{__name__}.Foreign", "width": 5})
    factory = instantiate(loaded, _convert_="all")
    net = build(factory, CIFAR, 10)
    spec = json.loads(json.dumps(net_spec(factory, CIFAR, 10)))
    assert spec["net"] == loaded._target_
    assert shapes(from_spec(spec, trusted=True, device="meta")) == shapes(net)


@pytest.mark.parametrize("factory", [functools.partial(Foreign, 10), functools.partial(Foreign, width=torch.ones(1))])
def test_a_net_that_no_file_could_describe_is_refused(factory):
    with pytest.raises(ConfigError, match=r"Foreign: .*kept with"):
        net_spec(factory, CIFAR, 10)


def test_foreign_nets_need_trust():
    spec = net_spec(functools.partial(Foreign, width=6), CIFAR, 10)
    with pytest.raises(ArtifactError, match=r"Foreign, .*net=TheClass, or trust=True \(--trust\)"):
        from_spec(spec)
    assert shapes(from_spec(spec, trusted=Foreign)) == shapes(from_spec(spec, trusted=True)) == shapes(Foreign(10, width=6))
    for gone in ("no_such_module.Net", f"{__name__}.Gone", f"{__name__}.CONFIGS", "..", "f.<locals>.Net"):
        with pytest.raises(ArtifactError, match="pass net=TheClass"):
            from_spec(spec | {"net": gone}, trusted=True)
    assert from_spec(spec | {"net": "f.<locals>.Net"}, trusted=Foreign)


REFUSED = ["os.system", "builtins.eval", "torch.nn.Linear", "lightexp.models.build", "lightexp.models.from_spec",
           "lightexp.models.mlp.MLP", "lightexp.models.mlp", "lightexp.models.__all__", "lightexp.models.", "MLP",
           "lightexp.models.torchvision_nets.models", "lightexp.models.MLP.__init__", "", "\x1b[31m", "a" * 1000]  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_only_the_packages_nets_are_made_by_name(name):
    with pytest.raises(ArtifactError):
        from_spec({"net": name, "args": {}, "input_shape": [1, 28, 28], "classes": 10}, device="meta")


@pytest.mark.parametrize(
    "change",
    [
        {"args": {"widths": "abc"}},
        {"args": {"widths": [-1]}},
        {"args": {"widths": [10**12]}},
        {"args": {"widths": [1] * 10**6}},
        {"args": {"widths": [3], "classes": 10**9}},
        {"args": {"widths": [3], "\x1b[31m": 1}},
        {"args": []},
        {"net": "lightexp.models.ResNet", "args": {"depth": 6 * 10**9 + 2}},
        {"net": "lightexp.models.VGGSmall", "args": {}, "input_shape": [3, 2**20, 2**20], "classes": 2**20},
        {"input_shape": []},
        {"input_shape": [28.0]},
        {"input_shape": [1] * 5},
        {"input_shape": [2**20 + 1]},
        {"classes": True},
        {"classes": 0},
        {"more": 1},
    ],
    ids=str,
)
def test_an_impossible_spec_is_the_files_fault(change):
    spec = {"net": "lightexp.models.MLP", "args": {"widths": [3]}, "input_shape": [1, 28, 28], "classes": 10}
    assert from_spec(spec, device="meta")
    with pytest.raises(ArtifactError) as caught:
        from_spec(spec | change, device="meta")
    assert str(caught.value).isprintable()


JUNK = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20) | st.sampled_from([2**20, 2**70, -1, 0, 20]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=8,
)
OPTIONS = st.sampled_from(["widths", "dropout", "input_dropout", "depth", "classes", "self"]) | st.text(max_size=8)
OWN = [f"lightexp.models.{name}" for name in models.__all__ if name != "torchvision_net"]
SPECS = st.fixed_dictionaries(
    {
        "net": st.sampled_from(OWN) | st.text(max_size=20) | JUNK,
        "args": st.dictionaries(OPTIONS, JUNK | st.lists(st.integers(-1, 2**21), max_size=5), max_size=4) | JUNK,
        "input_shape": st.lists(st.integers(1, 2**20), min_size=1, max_size=4) | JUNK,
        "classes": st.integers(1, 2**20) | JUNK,
    }
)


@settings(max_examples=200, deadline=None)
@given(SPECS | JUNK)
def test_any_junk_is_a_net_on_meta_or_the_files_fault(spec):
    try:
        net = from_spec(spec, device="meta")
    except ArtifactError:
        return
    assert isinstance(net, nn.Module)
    assert all(tensor.is_meta for tensor in net.state_dict().values())


def test_torchvision_gives_its_classifiers_by_name():
    for name in ("resnet18", "googlenet"):
        factory = functools.partial(torchvision_net, name=name)
        net = from_spec(net_spec(factory, CIFAR, 7), device="meta")
        assert net(torch.zeros(2, 3, 64, 64, device="meta")).shape == (2, 7)
        with pytest.raises(ConfigError, match="3 channels"):
            build(factory, MNIST, 7)
    for wrong in ("resnet_18", 5, "", "resnet18\x1b"):
        with pytest.raises(ConfigError, match="did you mean"):
            torchvision_net(wrong, CIFAR, 7)
    with pytest.raises(ConfigError, match="did you mean resnet18"):
        torchvision_net("ResNet-18", CIFAR, 7)
    regnet = net_spec(functools.partial(torchvision_net, name="regnet_x_400mf"), CIFAR, 7)
    assert all(parameter.is_meta for parameter in from_spec(regnet, device="meta").parameters())
