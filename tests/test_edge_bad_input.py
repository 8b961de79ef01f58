"""What goes wrong on the way to the edge is said before it costs anything, and hints are given where they help."""

from dataclasses import replace
from functools import partial

import numpy as np
import pytest
import torch
from torch import nn
from typer.testing import CliRunner

from lightexp.artifact import encode
from lightexp.cli.export import _print_form
from lightexp.cli.main import app
from lightexp.data import Digits
from lightexp.edge import export, onnx_of
from lightexp.edge.inputs import FLOAT
from lightexp.errors import ConfigError, LightexpError
from lightexp.models import MLP, build, net_spec
from lightexp.quantize import KMeans
from lightexp.slim import Channels
from lightexp.stages import Chain, Fit, Quantize, Rewind, Slim, SlimIteratively
from lightexp.surgery import surgery_of
from tests.test_export import quantize, write

NET = partial(MLP, widths=[12])


@pytest.mark.parametrize(("slim", "named"), [(Slim(Channels(0.5)), "slim"), (SlimIteratively(Channels(0.5)), r"slim\.1\.slim")])
def test_slimming_behind_codes_is_refused_before_anything_is_trained(slim, named):
    stages = {"train": Fit(1), "share": Quantize(KMeans(3)), "back": Rewind("train"), "slim": slim}
    with pytest.raises(
        ConfigError, match=rf"^stage {named}: stage share has quantized the weights by then; put {named} before"
    ):
        Chain(NET, stages, ["train", "share", "slim"])
    Chain(NET, stages, ["train", "share", "back", "slim"])
    Chain(NET, stages, ["train", "slim", "share"])


@pytest.fixture
def file(tmp_path):
    data, path = Digits().load(), tmp_path / "model.lxp"
    torch.manual_seed(0)
    net = build(NET, data.input_shape, 10).eval()
    quantize(net)
    described = net_spec(NET, data.input_shape, 10, surgery_of(net))
    path.write_bytes(encode(net, {"model": described, "data": "digits", "mean": list(data.mean), "std": list(data.std)}))
    return path


def typed(*arguments):
    """What the command prints, or the line that it ends with."""
    done = CliRunner().invoke(app, [str(one) for one in arguments])
    return str(done.exception) if isinstance(done.exception, LightexpError) else done.output


@pytest.mark.parametrize("before", [None, b"an older one"])
def test_a_wrong_data_set_leaves_no_onnx_file(file, tmp_path, before):
    pictures, labels = np.zeros((20, 8, 8), np.uint8), np.arange(20) % 2
    np.savez(tmp_path / "wrong.npz", x_train=pictures, y_train=labels, x_test=pictures, y_test=labels)
    if before:
        (tmp_path / "model.onnx").write_bytes(before)
    names = sorted(path.name for path in tmp_path.iterdir())
    said = typed("export", file, "data=arrays", f"data.path={tmp_path / 'wrong.npz'}")
    assert "wrong has inputs of [1, 8, 8] and 2 classes" in said and "written" not in said
    assert sorted(path.name for path in tmp_path.iterdir()) == names
    assert before is None or (tmp_path / "model.onnx").read_bytes() == before


def test_of_layers_with_equal_weights_the_right_one_is_named():
    """The third is as the second; of the second nothing can go, as it feeds a layer that takes all, and of the third unit 1."""
    torch.manual_seed(0)
    norms = (nn.BatchNorm2d(4) for _ in range(3))
    parts = [part for norm in norms for part in (nn.Conv2d(4, 4, 3, padding=1), norm, nn.ReLU())]
    net = nn.Sequential(*parts, nn.Flatten(), nn.Linear(64, 3)).eval()
    net[6].load_state_dict(net[3].state_dict())
    net[10].weight.data[:, 16:32] = 0
    assert onnx_of(net, (4, 4, 4))[1] == {"6": 1}


HINT = "a layer is computed in integers where both are"


def test_the_hint_about_inputs_is_given_where_it_helps(tmp_path, capsys):
    def first_float(net):
        quantize(net)
        net.layers[0].input_quantizer = None  # as `skip` leaves it

    found = export(write(tmp_path / "a.lxp", NET, (1, 4, 4), first_float), "int8")
    assert found.unrounded == ("layers.0",)
    _print_form(found)
    assert HINT in capsys.readouterr().out
    for weights, inputs in (({}, "its input takes more than 8 bits"), ({"layers.0": "its weights are floats"}, FLOAT)):
        other = replace(found, float_weights=weights, float_inputs={"layers.0": inputs})
        _print_form(other)
        assert inputs in (said := capsys.readouterr().out) and HINT not in said
