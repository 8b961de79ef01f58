"""From the file to ONNX: the integers, what is left out, and what cannot be."""

import io
import subprocess
import sys
from functools import partial

import numpy as np
import onnx
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from onnx import numpy_helper
from torch import nn

from lightexp.artifact import encode, load, parse
from lightexp.edge import check, export, onnx_of, session
from lightexp.edge.weights import Int8Weight, int8_weights
from lightexp.errors import ArtifactError, ConfigError
from lightexp.models import MLP, BatchNormMLP, LeNet5, ResNet, SimpleNet, VGGSmall, build, net_spec
from lightexp.quantize.activations import PACT, LSQActivation, SignActivation, UniformActivation
from lightexp.reparam import Codebook, Scaled, layers, set_quantizer
from lightexp.surgery import UniformInput, surgery_of


def write(path, factory, shape, prepare, classes=2):
    """A file of a net that `prepare` changes first; its path."""
    torch.manual_seed(0)
    net = build(factory, shape, classes).eval()
    prepare(net)
    spec = net_spec(factory, shape, classes, surgery_of(net))
    path.write_bytes(encode(net, {"model": spec, "data": "none", "mean": [0.0], "std": [1.0]}))
    return path


def constants(content):
    """The initializers of an ONNX file by name."""
    return {one.name: numpy_helper.to_array(one) for one in onnx.load(io.BytesIO(content)).graph.initializer}


def of(found, ending):
    return next(numbers for name, numbers in found.items() if name.endswith(ending))


def quantize(net, bits=8, rows=True):
    """Each weight in integers of so many bits, each input in integers from −3 to 252 times 0.02."""
    for name, layer in layers(net).items():
        step = layer.weight.detach().flatten(1).abs().amax(1) / (2 ** (bits - 1) - 1)
        set_quantizer(layer, Scaled(step if rows else step.amax().reshape(1), bits))
        UniformInput(name, 8).apply(net).load_state_dict({"step": torch.tensor(0.02), "lowest": torch.tensor(-3)})


def by_hand(net):
    (layer,) = layers(net).values()
    with torch.no_grad():
        layer.weight.copy_(torch.tensor([[1.0, -0.5], [0.0, 63.5]]))
        layer.bias.copy_(torch.tensor([0.3, -1.0]))
    set_quantizer(layer, Scaled(torch.tensor([0.5]), 8))
    UniformInput("layers.0", 8).apply(net).load_state_dict({"step": torch.tensor(0.25), "lowest": torch.tensor(-3)})


def test_the_integers_of_the_file_are_those_of_the_onnx_file(tmp_path):
    exported = export(write(tmp_path / "a.lxp", partial(MLP, widths=[]), (2,), by_hand), "int8")
    found = constants(exported.content)
    codes = of(found, "weight.codes")
    assert codes.dtype == np.int8 and codes.tolist() == [[2, -1], [0, 127]]
    assert of(found, "weight.step") == 0.5 and of(found, "weight.zero") == 0
    assert of(found, "input_quantizer.step") == 0.25
    # The lowest integer −3 is uint8's 0.
    assert of(found, "input_quantizer.zero") == 3 and of(found, "input_quantizer.zero").dtype == np.uint8
    # 0.3 / (0.25 · 0.5) = 2.4 and −1 / 0.125 = −8.
    assert of(found, "bias.codes").tolist() == [2, -8] and of(found, "bias.codes").dtype == np.int32
    assert exported.integer_layers == ("layers.0",) and not exported.float_weights and not exported.float_inputs
    # x = (0.5, −2) is rounded to 0.25·(2, −3): products 1·2 + 0.5·3 = 3.5 quarters, and −190.5; in steps of 1/8 with the biases.
    assert session(exported.content, "a")(np.array([[0.5, -2.0]], np.float32)).tolist() == [[1.125, -48.625]]


@given(
    st.lists(st.integers(-127, 127), min_size=2, max_size=2),
    st.lists(st.floats(0.001, 10), min_size=2, max_size=2),
    st.lists(st.floats(-8, 8).filter(lambda f: f == 0 or abs(f) > 0.01), min_size=2, max_size=2),
)
def test_a_norm_is_folded_into_the_steps_and_leaves_the_integers(codes, steps, factors):
    before = Int8Weight(np.array(codes, np.int8)[:, None], np.array(steps, np.float32))
    after = before.times(np.array(factors, np.float32))
    assert (after.step > 0).all()
    product = before.codes * before.step[:, None] * np.array(factors, np.float32)[:, None]
    np.testing.assert_allclose(after.codes * after.step[:, None], product, rtol=1e-5)
    assert (np.abs(after.codes[:, 0]) == np.where(np.array(factors) == 0, 0, np.abs(codes))).all()
    assert Int8Weight(np.array([[-128]], np.int8), np.ones(1, np.float32)).times(np.array([-1.0])) is None


@pytest.mark.parametrize(("table", "codes"), [([-0.75, 0.5, 2.0], [0, -3, 2, 8]), ([-0.7501, 0.5, 2.0], None)])
def test_a_codebook_is_carried_where_it_is_on_a_grid(tmp_path, table, codes):
    def share(net):
        (layer,) = layers(net).values()
        set_quantizer(layer, Codebook(torch.tensor([[0, 1], [2, 3]], dtype=torch.int32), torch.tensor(table)))

    path = write(tmp_path / "a.lxp", partial(MLP, widths=[]), (2,), share)
    weights, lacking = int8_weights(parse(path.read_bytes()))
    if codes:
        assert weights["layers.0"].codes.ravel().tolist() == codes and weights["layers.0"].step == 0.25
    else:
        assert not weights and lacking == {"layers.0": "its 3 shared values are on no grid of 8 bits"}
        with pytest.raises(ConfigError, match=r"no weights that are integers of 8 bits .*schedule=quantize_activations"):
            export(path, "int8")


NETS = {
    "mlp": (partial(MLP, widths=[8, 6]), (1, 4, 4)),
    "bn_mlp": (partial(BatchNormMLP, widths=[8]), (1, 4, 4)),
    "lenet5": (LeNet5, (1, 16, 16)),
    "resnet8": (partial(ResNet, depth=8), (3, 8, 8)),
    "simplenet": (SimpleNet, (1, 8, 8)),
    "vgg_small": (VGGSmall, (1, 8, 8)),
}


def liven(net):
    """Give its norms something to do, negative scales among it."""
    for norm in (m for m in net.modules() if isinstance(m, nn.BatchNorm1d | nn.BatchNorm2d)):
        for tensor, low, high in ((norm.running_mean, -0.1, 0.1), (norm.running_var, 0.5, 2), (norm.weight, -0.5, 1.5)):
            nn.init.uniform_(tensor, low, high)


@pytest.mark.parametrize("name", NETS)
def test_every_net_of_the_zoo_answers_the_same_in_onnx(name):
    factory, shape = NETS[name]
    torch.manual_seed(0)
    net = build(factory, shape, 10).eval()
    liven(net)
    content, _ = onnx_of(net, shape)
    onnx.checker.check_model(onnx.load(io.BytesIO(content)), full_check=True)
    found = check(session(content, name), net, shape, None)
    assert found.largest_difference < 1e-5 * max(1, found.largest_logit) and found.agreement == 100 and found.samples == 256


def test_norms_leave_the_integers_of_the_int8_form_alone(tmp_path):
    factory, shape = NETS["resnet8"]
    path = write(tmp_path / "a.lxp", factory, shape, lambda net: (liven(net), quantize(net)), 10)
    exported = export(path, "int8")
    told, _ = int8_weights(parse(path.read_bytes()))
    found = constants(exported.content)
    written = {layer: next(n for key, n in found.items() if key.startswith(f"{layer}.weight.codes")) for layer in told}
    assert "BatchNormalization" not in {node.op_type for node in onnx.load(io.BytesIO(exported.content)).graph.node}
    assert set(exported.integer_layers) == set(told)
    for layer, weight in told.items():
        assert (np.abs(written[layer]) == np.abs(weight.codes)).all()
        assert layer == "fc" or (written[layer] != weight.codes).any()
    found = check(session(exported.content, "a"), load(path), shape, None)
    assert found.largest_difference < 0.1 * found.largest_logit


def test_each_quantizer_of_inputs_has_its_grid_in_onnx(tmp_path):
    """All in one net; nine bits are too many for integers of eight."""
    kinds = [SignActivation(), UniformActivation(4), LSQActivation(3), PACT(5), UniformActivation(9)]
    samples = torch.randn(4096, generator=torch.Generator().manual_seed(0))

    def prepare(net):
        quantize(net, rows=False)
        for at, activation in enumerate(kinds):
            edit, state = activation.fit(f"layers.{at}", samples if at == 0 else samples.abs())
            edit.apply(net).load_state_dict(state)

    path = write(tmp_path / "a.lxp", partial(MLP, widths=[32] * 4), (1, 4, 4), prepare, 10)
    exported = export(path, "int8")
    assert exported.integer_layers == ("layers.0", "layers.1", "layers.2", "layers.3")
    assert exported.float_inputs == {"layers.4": "its input takes more than 8 bits"}
    integers = check(session(exported.content, "a"), load(path), (1, 4, 4), None)
    # A value beside the middle of two levels may go to the other one, and a level of three bits is far from the next.
    assert integers.largest_difference < 0.3 * integers.largest_logit and integers.agreement > 95
    floats = check(session(export(path).content, "a"), load(path), (1, 4, 4), None)
    assert floats.largest_difference < 0.3 * floats.largest_logit and floats.agreement > 95


@pytest.mark.parametrize("precision", ["float32", "int8"])
def test_dead_filters_and_units_are_dropped(tmp_path, precision):
    """conv1: filter 0 is 0 with its bias. conv2: filter 1 gives at most 0 to a ReLU. fc1: unit 2 is taken by nothing."""

    def prune(net):
        with torch.no_grad():
            for layer, dead, bias in ((net.conv1, 0, 0.0), (net.conv2, 1, -0.5)):
                layer.weight[dead], layer.bias[dead] = 0, bias
            net.fc2.weight[:, 2] = 0
        quantize(net)

    path = write(tmp_path / "a.lxp", SimpleNet, (1, 8, 8), prune, 10)
    exported = export(path, precision)
    assert exported.dropped == {"conv1": 1, "conv2": 1, "fc1": 1}
    shapes = {numbers.shape for numbers in constants(exported.content).values()}
    assert {(63, 1, 3, 3), (63, 63, 3, 3), (127, 63 * 4), (10, 127)} <= shapes
    found = check(session(exported.content, "a"), load(path), (1, 8, 8), None)
    assert found.largest_difference < (1e-4 if precision == "float32" else 0.1 * found.largest_logit)


def none_but_zeros(codes):
    codes[1:4] = 0


def the_same_with_a_dead_unit(codes):
    codes[1:4, 3] = 0
    codes[2:4] = codes[1]


@pytest.mark.parametrize("change", [none_but_zeros, the_same_with_a_dead_unit])
def test_layers_of_equal_codes_lose_their_own_units(change):
    """Optimizing joins the codes of three layers, of each of which other units are dead."""
    torch.manual_seed(0)
    net = build(partial(MLP, widths=[16] * 5), (16,), 10).eval()
    codes = torch.randint(-127, 128, (4, 16, 16))
    change(codes)
    parts, integers = [*layers(net).items()][:4], {}
    for at, (name, layer) in enumerate(parts):
        layer.weight.data = codes[at].float() * 0.01
        layer.bias.data[3 if at else 5] = -1.0
        integers[name] = Int8Weight(codes[at].numpy().astype(np.int8), np.array([0.01], np.float32))
    content, dropped = onnx_of(net, (16,), integers)
    x = torch.randn(5, 16)
    found = session(content, "a")(x.numpy())
    assert dropped
    np.testing.assert_allclose(found, net(x).detach().numpy(), rtol=1e-3, atol=1e-3)


def test_what_feeds_a_sum_stays_and_one_unit_is_always_left():
    class Residual(nn.Module):
        def __init__(self):
            super().__init__()
            self.a, self.b, self.c = nn.Linear(4, 4), nn.Linear(4, 5), nn.Linear(5, 3)

        def forward(self, x):
            x = x + torch.relu(self.a(x))
            return self.c(torch.relu(self.b(x)))

    net = Residual().eval()
    for layer, bias in ((net.a, 0.0), (net.b, -1.0)):
        nn.init.zeros_(layer.weight)
        nn.init.constant_(layer.bias, bias)
    content, dropped = onnx_of(net, (4,))
    assert dropped == {"b": 4}
    assert check(session(content, "a"), net, (4,), None).largest_difference < 1e-6


class Bessel(nn.Module):
    def forward(self, x):
        return torch.special.bessel_j0(x)


class Choice(nn.Module):
    def forward(self, x):
        return x if x.sum() > 0 else -x


@pytest.mark.parametrize(
    ("odd", "said"),
    [(Bessel(), r"^1 \(Bessel\) uses \S*bessel_j0, which ONNX has no"), (Choice(), r"^1 \(Choice\) cannot be exp")],
)
def test_what_onnx_cannot_take_is_named(odd, said):
    with pytest.raises(ConfigError, match=said) as error:
        onnx_of(nn.Sequential(nn.Linear(4, 4), odd, nn.Linear(4, 2)), (4,))
    assert "\n" not in str(error.value)


def test_a_missing_package_names_the_extra(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnxscript", None)
    with pytest.raises(ConfigError, match=r"onnxscript is not installed: pip install 'lightexp\[edge\]'"):
        export(tmp_path / "a.lxp")


def test_a_file_that_is_none_is_one_line(tmp_path):
    (tmp_path / "a.lxp").write_bytes(b"nothing")
    for path in (tmp_path / "a.lxp", tmp_path / "b.lxp"):
        with pytest.raises(ArtifactError):
            export(path)


def test_forks_can_train_behind_an_export():
    script = """if True:
        import os, torch
        from lightexp.edge.trace import trace
        net = torch.nn.Linear(4, 2)
        trace(net, (4,))
        net(torch.ones(1, 4)).sum().backward()
        child = os.fork()
        if not child:
            net(torch.ones(1, 4)).sum().backward()
            os._exit(7)
        raise SystemExit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
    """
    assert subprocess.run([sys.executable, "-W", "ignore", "-c", script], check=False).returncode == 7
