"""The file of a slimmed net: its widths, done again to a fresh net, give the very net back; others are the file's fault."""

import copy
import json
from functools import partial

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from lightexp.artifact import decode, encode, parse
from lightexp.cli import inspect
from lightexp.data import Digits, Splits
from lightexp.errors import ArtifactError
from lightexp.experiment import Experiment, Store
from lightexp.factorize import GlobalRatio
from lightexp.models import MLP, ResNet, SimpleNet, from_spec, net_spec
from lightexp.quantize import KMeans
from lightexp.reparam import layers, rebuild, spec_of
from lightexp.slim import MACs, cut, trace
from lightexp.stages import Context, Factorize, Fit, Prune, Quantize, QuantizeActivations, Slim
from lightexp.surgery import Widths, operate, surgery_of
from tests.slimming import NETS, fresh, inputs, slimmed
from tests.tiny import ADAM


@pytest.fixture(scope="module")
def digits() -> Splits:
    return Digits().load()


def packed(name: str, net: nn.Module) -> bytes:
    described = net_spec(NETS[name][0], NETS[name][1], 10, surgery_of(net))
    return encode(net, {"model": described, "data": "digits", "mean": [0.0], "std": [1.0]})


def thinned(name: str, seed: int = 0) -> nn.Module:
    """Each group without a random part of its channels."""
    net, random = fresh(name), torch.Generator().manual_seed(seed)
    groups = trace(net, inputs(NETS[name][1])).groups
    parts = [torch.randperm(len(g), generator=random)[: int(len(g) * torch.rand(1, generator=random))] for g in groups]
    return cut(net, zip(groups, parts, strict=True))


def answers(net: nn.Module, shape: tuple[int, ...]) -> bytes:
    with torch.no_grad():
        return net(inputs(shape)).numpy().tobytes()


@pytest.mark.parametrize("name", NETS)
def test_the_file_gives_the_very_net_back(name):
    net, shape = thinned(name), NETS[name][1]
    data = packed(name, net)
    decoded = decode(data)
    assert answers(decoded, shape) == answers(net, shape)
    assert surgery_of(decoded) == surgery_of(net) == [Widths.of(net).data()]
    assert parse(data).header["params"] == sum(parameter.numel() for parameter in decoded.parameters())
    other = operate(fresh(name, seed=1), json.loads(json.dumps(surgery_of(net))))
    other.load_state_dict(net.state_dict())
    assert answers(other, shape) == answers(copy.deepcopy(net), shape) == answers(net, shape)


def test_the_widths_take_few_bytes(tmp_path, capsys):
    net = thinned("resnet20")
    plain, narrow = (parse(packed("resnet20", one)).bytes_of["header"] for one in (fresh("resnet20"), net))
    assert narrow - plain < 110
    (tmp_path / "model.lxp").write_bytes(packed("resnet20", net))
    inspect.show(tmp_path / "model.lxp", as_json=False)
    assert "net: Widths(sizes=" in capsys.readouterr().out


def test_widths_by_hand():
    net = cut(fresh("mlp"), [])
    assert Widths.of(net).sizes == (64, -52, 0, -3, 0, 1)
    narrow = Widths("", (64, -60, 0, -2, 0, 8)).apply(fresh("mlp"))
    assert [tuple(layer.weight.shape) for layer in layers(narrow).values()] == [(4, 64), (2, 4), (10, 2)]
    assert torch.equal(narrow.layers[1].weight, fresh("mlp").layers[1].weight[:2, :4])


@pytest.mark.parametrize("first", ["slim", "factorize"])
def test_slimming_and_factorizing_in_either_order(first, digits):
    def factorize(net: nn.Module) -> nn.Module:
        return Factorize(rank=GlobalRatio(0.5))(net, Context(digits, seed=1))

    def slim(net: nn.Module) -> nn.Module:
        return slimmed(Slim(MACs(0.3)), net, digits)

    torch.manual_seed(0)
    net = SimpleNet((1, 8, 8), 10).eval()
    for change in (slim, factorize, slim) if first == "slim" else (factorize, slim):
        net = change(net)
    QuantizeActivations()(net, Context(digits, seed=1))
    again = rebuild(operate(SimpleNet((1, 8, 8), 10).eval(), surgery_of(net)), spec_of(net), net.state_dict())
    described = net_spec(SimpleNet, (1, 8, 8), 10, surgery_of(net))
    decoded = decode(encode(net, {"model": described, "data": "digits", "mean": [0.0], "std": [1.0]}))
    assert answers(decoded, (1, 8, 8)) == answers(again, (1, 8, 8)) == answers(net, (1, 8, 8))
    assert [entry["edit"] for entry in surgery_of(decoded)].count("Widths") == 1


def test_a_chain_of_all_ends_in_a_record_with_what_was_asked_and_achieved(tmp_path):
    stages = {
        "train": Fit(1, optimizer=ADAM),
        "slim": Slim(MACs(0.5), multiple=4),
        "tune": Fit(1, optimizer=ADAM),
        "prune": Prune(0.5),
        "share": Quantize(KMeans(7)),
    }
    options = {"store": Store(tmp_path / "store"), "directory": tmp_path / "run", "control": False}
    record = Experiment(Digits(), partial(ResNet, depth=8), stages, **options).run()
    assert (record.slimmed_of, record.slimmed_asked) == ("MACs", 0.5)
    assert 0.5 <= record.slimmed < 0.6
    rows = {row["stage"]: row["slimmed"] for row in record.stages}
    assert rows == {"train": None, "slim": record.slimmed, "tune": None, "prune": None, "share": None}
    dense = sum(row["macs"] for row in record.layers) / (1 - record.slimmed)
    assert dense == pytest.approx(
        64 * 9 * 16 + 2 * 64 * 9 * 256 + 16 * 9 * (16 * 32 + 32 * 32) + 4 * 9 * (32 * 64 + 64 * 64) + 640
    )
    assert all(layer["shape"][0] % 4 == 0 for layer in record.layers[:-1])
    assert record.sparsity_prunable == pytest.approx(0.5, abs=1e-4)


# Files of strangers

MLP_WIDTHS = {"edit": "Widths", "layer": "", "sizes": [64, -60, 0, -2, 0, 8]}


@pytest.mark.parametrize(
    "change",
    [
        {"sizes": [64, -51, 0, -4, 0, 1]},
        {"sizes": [65, -60, 0, -2, 0, 8]},
        {"sizes": [64, -64, 0, 2, 0, 8]},
        {"sizes": [64, -60, 0, -2, 0]},
        {"sizes": [64, -60, 0, -2, 0, 8, 0]},
        {"sizes": []},
        {"sizes": [2**70]},
        {"sizes": [64.0, -60, 0, -2, 0, 8]},
        {"sizes": "64"},
        {"sizes": None},
        {"layer": "layers.0"},
        {"layer": None},
        {"more": 1},
    ],
    ids=str,
)
def test_impossible_widths_are_the_files_fault(change):
    described = net_spec(*NETS["mlp"], 10)
    assert from_spec(described | {"surgery": [MLP_WIDTHS]}, device="meta")
    with pytest.raises(ArtifactError) as caught:
        from_spec(described | {"surgery": [MLP_WIDTHS | change]}, device="meta")
    assert str(caught.value).isprintable()


def test_a_file_of_another_architecture_is_refused_in_a_line():
    described = net_spec(MLP, (1, 8, 8), 10) | {"args": {"widths": [8, 8, 8]}, "surgery": [MLP_WIDTHS]}
    with pytest.raises(ArtifactError, match="^the net lightexp.models.MLP cannot be made as the file describes it"):
        from_spec(described, device="meta")


@settings(max_examples=100, deadline=None)
@given(st.lists(st.integers(-70, 70) | st.sampled_from([0, 0, 64, 2**20]), min_size=4, max_size=8))
def test_any_widths_are_a_net_on_meta_or_the_files_fault(sizes):
    try:
        net = from_spec(net_spec(*NETS["mlp"], 10) | {"surgery": [MLP_WIDTHS | {"sizes": sizes}]}, device="meta")
    except ArtifactError:
        return
    assert list(Widths.of(net).sizes) == sizes
    assert all(tensor.is_meta for tensor in net.state_dict().values())
