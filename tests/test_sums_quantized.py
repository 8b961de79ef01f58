"""What enters the sums of residual nets, rounded: where that is, by hand, what the file tells of it, and what ONNX makes of it."""

import copy
import json
from collections import Counter
from functools import partial

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from lightexp.artifact import decode, encode, parse
from lightexp.cli.export import _print_form
from lightexp.data import split
from lightexp.edge import check, session
from lightexp.edge.export import int8_of
from lightexp.edge.inputs import QuantizeDequantize, Rounded, show_grids
from lightexp.errors import ConfigError
from lightexp.models import MLP, ResNet, build, net_spec
from lightexp.quantize import MinMax, Uniform
from lightexp.quantize.activations import PACT, LSQActivation, SignActivation, UniformActivation
from lightexp.reparam import layers
from lightexp.stages import Context, Quantize, QuantizeActivations
from lightexp.statistics.sums import Addends, addends
from lightexp.surgery import InheritedInput, Outlet, UniformInput, input_bits, operate, surgery_of
from tests.slimming import NETS, fresh

EIGHT = UniformActivation(8, MinMax())
RESNET = partial(ResNet, depth=8), (3, 8, 8)


class Residual(nn.Module):
    """relu(a·x + x), written in place or not."""

    def __init__(self, in_place: bool = False) -> None:
        super().__init__()
        self.a, self.in_place = nn.Linear(2, 2, bias=False), in_place
        self.a.weight.data = torch.tensor([[1.0, 0.0], [0.0, -1.0]])

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.a(x)
        if self.in_place:
            y += x
            return F.relu(y, inplace=True)
        return torch.relu(x + y)


def noise(shape):
    pictures = np.random.default_rng(0).standard_normal((26, *shape), dtype=np.float32)
    return split("noise", pictures[:24], np.arange(24) % 2, pictures[24:], np.arange(2), validation=0.1)


def rounded(net, shape, **options):
    """Weights and inputs of eight bits, by both stages."""
    context = Context(noise(shape), seed=0)
    Quantize(Uniform(8, "channel"))(net, context)
    return QuantizeActivations(EIGHT, **{"skip": (), "sums": EIGHT} | options)(net, context)


def packed(net, factory, shape):
    described = net_spec(factory, shape, 10, surgery_of(net))
    return encode(net, {"model": described, "data": "none", "mean": [0.0], "std": [1.0]})


@pytest.mark.parametrize("in_place", [False, True])
def test_both_sides_of_a_sum_are_rounded_once_by_hand(in_place):
    net = nn.Sequential(Residual(in_place), Residual(in_place)).eval()
    assert addends(net, torch.ones(2, 2)) == Addends(("0", "1"), ("0.a", "1.a"))
    Outlet("0.a").apply(net)
    for place, step, lowest in (("0", 1.0, 0), ("0.a.outlet", 0.5, -2)):
        UniformInput(place, 2).apply(net).load_state_dict({"step": torch.tensor(step), "lowest": torch.tensor(lowest)})
    # x is rounded to (1, 3), of which a makes (1, −3), rounded to halves from −2 to 1: (0.5, −1); the sum is (1.5, 2).
    assert net[0](torch.tensor([[1.4, 2.6]])).tolist() == [[1.5, 2.0]]
    assert addends(net, torch.ones(2, 2)).given == ("0.a", "1.a")


def test_sums_of_three_of_used_again_and_of_parameters_are_left_out():
    class Odd(nn.Module):
        def __init__(self, forward) -> None:
            super().__init__()
            self.a, self.b, self.how, self.shift = nn.Linear(2, 2), nn.Linear(2, 2), forward, nn.Parameter(torch.ones(1, 2))

        def forward(self, x):
            return self.how(self, x)

    def of(forward):
        return addends(nn.Sequential(Odd(forward)).eval(), torch.ones(1, 2))

    assert of(lambda net, x: net.a(x) + net.b(x)) == Addends((), ("0.a", "0.b"))
    assert of(lambda net, x: net.a(x) + net.b(x) + x) == Addends((), ("0.a", "0.b"))
    assert of(lambda net, x: net.a(net.a(x)) + x) == of(lambda net, x: x + net.shift) == Addends((), ())
    assert of(lambda net, x: net.a(x) + F.pad(x[:, ::2], (0, 1))) == Addends(("0",), ("0.a",))
    assert of(lambda net, x: net.a(x) + torch.sin(x)) == of(lambda net, x: torch.add(x, net.a(x), alpha=2)) == Addends((), ())


def test_the_file_gives_the_very_net_back():
    factory, shape = RESNET
    torch.manual_seed(0)
    net = build(factory, shape, 10).eval()
    again, net = rounded(copy.deepcopy(net), shape), rounded(net, shape)
    decoded = decode(packed(net, factory, shape))
    x = noise(shape).test.x
    with torch.no_grad():
        assert torch.equal(net(x), again(x)) and torch.equal(net(x), decoded(x))
    assert surgery_of(decoded) == surgery_of(net)
    assert {input_bits(layer) for layer in layers(decoded).values()} == {8}


@pytest.mark.parametrize("name", ["resnet18", "mobilenet_v2"])
def test_a_fresh_net_of_torchvision_takes_what_the_file_tells(name):
    _, shape = NETS[name]
    net = QuantizeActivations(EIGHT, skip=(), sums=EIGHT)(fresh(name), Context(noise(shape), seed=0))
    other = operate(fresh(name, 1), json.loads(json.dumps(surgery_of(net))))
    other.load_state_dict(net.state_dict())
    x = noise(shape).test.x
    with torch.no_grad():
        assert torch.equal(net(x), other.eval()(x))
    assert {input_bits(layer) for layer in layers(other).values()} == {8}


@pytest.mark.parametrize("name", ["resnet20", "resnet18"])
def test_rounding_sums_finely_changes_little(name):
    """The second net adds in place, so that what is looked at must be copied."""
    net, (_, shape) = fresh(name), NETS[name]
    data, fine = noise(shape), UniformActivation(16, MinMax())
    other = QuantizeActivations(fine, skip=(), sums=fine)(copy.deepcopy(net), Context(data, seed=0))
    x = data.batch(data.train, torch.arange(20))[0]
    with torch.no_grad():
        assert (net(x) - other(x)).abs().max() < 0.01 * net(x).abs().max()


def test_layers_take_a_shortcut_as_it_is_rounded():
    factory, shape = RESNET
    net = rounded(build(factory, shape, 10).eval(), shape)
    kinds = {edit["layer"]: edit["edit"] for edit in surgery_of(net)}
    for block in map("blocks.{}".format, range(3)):
        assert kinds[block] == kinds[f"{block}.norm2.outlet"] == kinds[f"{block}.conv2"] == "UniformInput"
        assert (kinds[f"{block}.conv1"], kinds[f"{block}.norm2"]) == ("InheritedInput", "Outlet")
    assert kinds["conv"] == kinds["fc"] == "UniformInput" and len(kinds) == 3 * 5 + 2
    # Done again, all is fitted anew in the same places.
    told = surgery_of(net)
    assert surgery_of(QuantizeActivations(EIGHT, skip=(), sums=EIGHT)(net, Context(noise(shape), seed=0))) == told


def test_a_learned_step_of_a_sum_is_one_parameter_and_is_trained():
    net = build(*RESNET, 10).eval()
    QuantizeActivations(LSQActivation(), sums=LSQActivation(8))(net, Context(noise(RESNET[1]), seed=0))
    steps = {name: value for name, value in net.named_parameters() if "blocks.1." in name and name.endswith("step")}
    assert sorted(steps) == [f"blocks.1.{at}input_quantizer.step" for at in ("conv2.", "", "norm2.outlet.")]
    net.train()(noise(RESNET[1]).train.x).square().sum().backward()
    assert all(step.grad.abs() > 0 for step in steps.values())
    assert (input_bits(net.blocks[1].conv1), input_bits(net.blocks[1].conv2)) == (8, 4)


def kinds_run(content, path):
    """The operators of what ONNX Runtime makes of a graph, counted."""
    options = onnxruntime.SessionOptions()
    options.optimized_model_filepath, options.log_severity_level = str(path), 3
    onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    return Counter(node.op_type for node in onnx.load(path).graph.node)


def test_onnx_runtime_computes_residual_blocks_in_integers(tmp_path, capsys):
    factory, shape = RESNET
    torch.manual_seed(0)
    net = build(factory, shape, 10).eval()
    for sums, integers in ((EIGHT, 7), (None, 3)):
        content = packed(rounded(copy.deepcopy(net), shape, sums=sums), factory, shape)
        exported = int8_of(decode(content), parse(content))
        run = kinds_run(exported.content, tmp_path / "run.onnx")
        # Padded shortcuts and the last block, behind which nothing is rounded, are added in floats; their convolutions are not.
        assert (run["QLinearConv"], run["QLinearAdd"]) == (integers, int(sums is not None))
        assert set(exported.integer_layers) == set(layers(net)) and not exported.float_inputs
        assert exported.float_sums == (0 if sums else 3)
        _print_form(exported)
        assert ("stages.quantize_activations.sums='${activation}'" in capsys.readouterr().out) == (sums is None)
        found = check(session(exported.content, "a"), decode(content), shape, None)
        assert found.largest_difference < 0.1 * found.largest_logit


def test_the_float_form_rounds_as_the_net_does():
    net = QuantizeActivations(EIGHT, skip=(), sums=EIGHT)(build(*RESNET, 10).eval(), Context(noise(RESNET[1]), seed=0))
    shown = copy.deepcopy(net)
    assert show_grids(shown, Rounded) == {}
    assert Counter(type(part) for part in shown.modules())[Rounded] == 3 * 3 + 2
    x = noise(RESNET[1]).test.x
    with torch.no_grad():
        assert torch.equal(net(x), shown(x))


def test_a_grid_of_more_than_8_bits_is_said_of_the_layers_that_inherit_it():
    net = build(*RESNET, 10).eval()
    QuantizeActivations(EIGHT, skip=(), sums=UniformActivation(9))(net, Context(noise(RESNET[1]), seed=0))
    assert show_grids(net, QuantizeDequantize) == {
        f"blocks.{block}.conv1": "its input takes more than 8 bits" for block in range(3)
    }


@pytest.mark.parametrize("sums", [PACT(), SignActivation()])
def test_a_quantizer_without_negative_numbers_is_refused_ahead(sums):
    with pytest.raises(ConfigError, match=f"sums is {type(sums).__name__}, which keeps no negative numbers"):
        QuantizeActivations(sums=sums).check(build(*RESNET, 10))


def test_a_net_without_sums_is_refused_ahead():
    net = build(partial(MLP, widths=[4]), (4,), 2).eval()
    with pytest.raises(ConfigError, match="adds up nothing that one of its modules takes or gives"):
        QuantizeActivations(sums=EIGHT).check_both(net, noise((4,)))
    QuantizeActivations(sums=EIGHT).check_both(build(*RESNET, 10).eval(), noise((3, 8, 8)))


def test_what_is_inherited_does_nothing_itself():
    net = nn.Sequential(nn.Linear(2, 2))
    x = torch.randn(3, 2)
    before = net(x)
    InheritedInput("0", 5).apply(net)
    assert torch.equal(net(x), before) and input_bits(net[0]) == 5
