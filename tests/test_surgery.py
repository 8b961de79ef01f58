"""What was done to a net's modules is told by its file and done again to a fresh net, and junk is the file's fault."""

import copy
import json
from functools import partial

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from lightexp import surgery
from lightexp.artifact import decode, encode, parse
from lightexp.cli import inspect
from lightexp.errors import ArtifactError
from lightexp.measure import layer_macs
from lightexp.models import MLP, SimpleNet, build, from_spec, net_spec
from lightexp.quantize import KMeans, LayerWeight
from lightexp.reparam import layers, mask_of, rebuild, set_mask, set_quantizer, spec_of, strip
from lightexp.spec import spec
from lightexp.surgery import Addition, Bottleneck, LowRank, Separable, operate, surgery_of

SHAPE, CLASSES = (1, 8, 8), 10
EDITS = [Separable("conv1", 5), Bottleneck("conv2", 6, 7), LowRank("fc1", 9), LowRank("fc1.0", 2), LowRank("conv2.1", 3)]


@spec
class Scaled(Addition):
    """An addition such as a quantizer of activations is: a buffer, and a copy of its own for each net."""

    attribute = "scaler"
    sides: int = 1

    def make(self, layer: nn.Module) -> nn.Module:
        return Scaler(self.sides)


class Scaler(nn.Module):
    def __init__(self, sides: int) -> None:
        super().__init__()
        self.register_buffer("factor", torch.full((sides,), 2.0))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.factor * x


@pytest.fixture
def known(monkeypatch):
    """`Scaled` as one of lightexp's own."""
    monkeypatch.setattr(surgery, "Scaled", Scaled, raising=False)
    monkeypatch.setattr(surgery, "__all__", [*surgery.__all__, "Scaled"])


def fresh(seed: int = 0) -> nn.Module:
    torch.manual_seed(seed)
    return build(SimpleNet, SHAPE, CLASSES).eval()


def operated(edits=tuple(EDITS)) -> nn.Module:
    net = fresh()
    for edit in edits:
        edit.apply(net)
    return net


def constrained(net: nn.Module) -> nn.Module:
    """Every layer half pruned, and shared among three values."""
    for layer in layers(net).values():
        set_mask(layer, torch.arange(layer.weight.numel()).reshape(layer.weight.shape) % 2 == 0)
    found = {name: LayerWeight(layer.weight.detach(), mask_of(layer)) for name, layer in layers(net).items()}
    for name, codebook in KMeans(3).fit(found, 0, None).items():
        set_quantizer(layers(net)[name], codebook)
    return net


def packed(net: nn.Module) -> bytes:
    described = net_spec(SimpleNet, SHAPE, CLASSES, surgery_of(net))
    return encode(net, {"model": described, "data": "digits", "mean": [0.0], "std": [1.0]})


def answers(net: nn.Module) -> bytes:
    inputs = torch.randn(5, *SHAPE, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        return net(inputs).numpy().tobytes()


def test_a_net_carries_its_edits_and_a_fresh_one_takes_them():
    net, other = operated(), fresh(1)
    told = json.loads(json.dumps(surgery_of(net)))
    assert {json.dumps(edit.data()) for edit in EDITS} == set(map(json.dumps, told))
    assert surgery_of(fresh()) == []
    operate(other, told).load_state_dict(net.state_dict())
    assert answers(other) == answers(net)
    assert surgery_of(other) == told
    assert list(layers(net)) == [
        *("conv1.0", "conv1.1", "conv1.2", "conv1.3", "conv2.0", "conv2.1.0", "conv2.1.1", "conv2.2"),
        *("fc1.0.0", "fc1.0.1", "fc1.1", "fc2"),
    ]
    assert {type(layer) for layer in layers(net).values()} == {nn.Linear, nn.Conv2d}


@pytest.mark.parametrize("constrain", [lambda net: net, constrained])
def test_the_file_gives_the_very_net_back_from_its_spec_alone(constrain, tmp_path, capsys):
    net = constrain(operated())
    data = packed(net)
    decoded = decode(data)
    assert answers(decoded) == answers(net)
    assert surgery_of(decoded) == surgery_of(net)
    assert parse(data).header["params"] == sum(parameter.numel() for parameter in decoded.parameters())
    (tmp_path / "model.lxp").write_bytes(data)
    inspect.show(tmp_path / "model.lxp", as_json=False)
    printed = capsys.readouterr().out
    assert all(f"{edit.layer}: {type(edit).__name__}" in printed for edit in EDITS)


def test_a_plain_net_needs_no_word_of_it():
    assert net_spec(SimpleNet, SHAPE, CLASSES, surgery_of(fresh())) == net_spec(SimpleNet, SHAPE, CLASSES)
    assert "surgery" not in parse(packed(fresh())).header["model"]


def test_copies_rebuilt_and_stripped_nets_compute_the_same():
    net = constrained(operated())
    told, state = surgery_of(net), net.state_dict()
    rebuilt = rebuild(operate(fresh(1), told), spec_of(net), state)
    copied = copy.deepcopy(net)
    assert answers(rebuilt) == answers(copied) == answers(net)
    assert surgery_of(rebuilt) == surgery_of(copied) == told
    expected = answers(net)
    assert answers(strip(net)) == expected
    assert surgery_of(net) == told


def test_the_cost_is_that_of_the_inner_layers():
    macs = layer_macs(operated(), SHAPE)
    assert macs["conv1.0"] == 8 * 8 * 5
    assert macs["conv1.1"] == macs["conv1.2"] == 8 * 8 * 5 * 3
    assert macs["conv2.1.0"] == 4 * 4 * 6 * 3 * 9
    assert (macs["fc1.0.0"], macs["fc1.0.1"], macs["fc1.1"]) == (256 * 2, 2 * 9, 9 * 128)


@pytest.mark.parametrize("padding", [1, (2, 1), "same", "valid"])
@pytest.mark.parametrize("kind", [partial(LowRank, "0", 3), partial(Bottleneck, "0", 2, 3), partial(Separable, "0", 4)])
def test_what_stands_for_a_convolution_has_its_geometry(kind, padding):
    stride = 1 if padding == "same" else (2, 1)
    for bias in (True, False):
        net = nn.Sequential(nn.Conv2d(4, 6, (3, 5), stride, padding, dilation=(1, 2), bias=bias, padding_mode="circular"))
        before, inputs = net(torch.ones(2, 4, 13, 11)).shape, torch.ones(2, 4, 13, 11)
        made = kind().apply(net.double().eval())
        assert net(inputs.double()).shape == before
        assert net[0] is made and not any(module.training for module in made.modules())
        assert [layer.bias is not None for layer in made] == [False] * (len(made) - 1) + [bias]


def test_an_addition_sees_the_input_of_its_layer_and_leaves_its_weights(known):
    net = fresh()
    names = list(net.state_dict())
    for _ in range(2):  # the second makes way for the first
        Scaled("fc2").apply(net)
    assert [name for name in net.state_dict() if name not in names] == ["fc2.scaler.factor"]
    before, doubled = fresh(), answers(net)
    before.fc2.weight.data *= 2
    assert answers(before) == doubled
    copied = copy.deepcopy(net)
    copied.fc2.scaler.factor.fill_(1)
    assert (answers(copied), answers(net)) == (answers(fresh()), doubled)


def test_additions_to_plain_and_to_inner_layers_are_in_the_file(known):
    net = operated([*EDITS, Scaled("fc2"), Scaled("fc1.0.1", sides=2)])
    net.fc2.scaler.factor.fill_(0.3)
    decoded = decode(packed(constrained(net)))
    assert answers(decoded) == answers(net)
    assert surgery_of(decoded) == surgery_of(net)
    assert decoded.fc2.scaler.factor.item() == pytest.approx(0.3)


def test_a_name_that_is_taken_is_not_given_again(known):
    net = fresh()
    net.fc2.scaler = nn.Identity()
    with pytest.raises(ArtifactError, match="cannot be changed by"):
        operate(net, [{"edit": "Scaled", "layer": "fc2"}])


HOSTILE = [
    {"edit": "LowRank", "layer": "fc9", "rank": 2},
    {"edit": "LowRank", "layer": "", "rank": 2},
    {"edit": "LowRank", "layer": "layers", "rank": 2},
    {"edit": "LowRank", "layer": "layers.0.weight", "rank": 2},
    {"edit": "LowRank", "layer": "__class__", "rank": 2},
    {"edit": "LowRank", "layer": "layers.0", "rank": 21},
    {"edit": "LowRank", "layer": "layers.0", "rank": 2**70},
    {"edit": "LowRank", "layer": "layers.0", "rank": "2"},
    {"edit": "LowRank", "layer": "layers.0", "rank": 2.0},
    {"edit": "LowRank", "layer": "layers.0", "rank": True},
    {"edit": "LowRank", "layer": "layers.0", "rank": 0},
    {"edit": "LowRank", "layer": "layers.0"},
    {"edit": "LowRank", "layer": 0, "rank": 2},
    {"edit": "LowRank", "layer": "layers.0", "rank": 2, "more": 1},
    {"edit": "LowRank", "layer": "layers.0", "rank": 2, "self": 1},
    {"edit": "LowRank", "layer": "\x1b[31m", "rank": 2},
    {"edit": "Bottleneck", "layer": "layers.0", "rank_in": 1, "rank_out": 1},
    *({"edit": name, "layer": "layers.0"} for name in ["Edit", "Replacement", "operate", "os.system", "__all__", None, [], {}]),
    {"layer": "layers.0"},
    "LowRank",
    None,
]


@pytest.mark.parametrize("entry", HOSTILE, ids=str)
def test_an_impossible_edit_is_the_files_fault(entry):
    described = net_spec(partial(MLP, widths=[20]), SHAPE, CLASSES)
    assert from_spec(described | {"surgery": [{"edit": "LowRank", "layer": "layers.0", "rank": 20}]}, device="meta")
    for told in ([entry], entry):
        with pytest.raises(ArtifactError) as caught:
            from_spec(described | {"surgery": told}, device="meta")
        assert str(caught.value).isprintable()


VALUES = st.none() | st.booleans() | st.integers(-1, 2**21) | st.integers(1, 3) | st.floats() | st.text(max_size=5)
LAYERS = st.sampled_from(["conv1", "conv2", "fc1", "fc1.0", "fc1.1", "conv2.1", "conv1.0"])
ENTRIES = st.fixed_dictionaries(
    {"edit": st.sampled_from(["LowRank", "Bottleneck", "Separable"]), "layer": LAYERS},
    optional={"rank": VALUES, "rank_in": VALUES, "rank_out": VALUES},
)


@settings(max_examples=200, deadline=None)
@given(st.lists(ENTRIES | VALUES, max_size=4) | VALUES)
def test_any_surgery_is_a_net_on_meta_or_the_files_fault(told):
    try:
        net = from_spec(net_spec(SimpleNet, SHAPE, CLASSES) | {"surgery": told}, device="meta")
    except ArtifactError:
        return
    assert all(tensor.is_meta for tensor in net.state_dict().values())
    assert net(torch.zeros(1, *SHAPE, device="meta")).shape == (1, CLASSES)
