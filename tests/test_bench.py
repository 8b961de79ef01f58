"""Latencies: their arithmetic, what is measured, and where the figures go. No test looks at how long anything took."""

import json
from dataclasses import fields
from functools import partial

import numpy as np
import pandas as pd
import pytest
import torch
from typer.testing import CliRunner

from lightexp.artifact import encode
from lightexp.cli.bench import _cells
from lightexp.cli.main import app
from lightexp.data import Digits
from lightexp.edge import OnnxLatency, Row, bench
from lightexp.errors import ArtifactError, ConfigError, LightexpError
from lightexp.experiment import Experiment, Record
from lightexp.measure import Latency, in_turn
from lightexp.models import MLP, build, net_spec
from lightexp.report.error_bytes import error_latency_figure
from lightexp.report.groups import group
from lightexp.report.metrics import KNOWN
from lightexp.report.series import NotDrawn
from lightexp.stages import Fit
from lightexp.surgery import surgery_of
from lightexp.track.metrics import METRICS
from tests.test_export import quantize
from tests.test_report import run


class Clock:
    """Stands still until a call takes its time."""

    def __init__(self):
        self.now = 0.0
        self.order = []

    def call(self, name, *seconds):
        times = iter(seconds)

        def spend():
            self.order.append(name)
            self.now += next(times)

        return spend


def test_calls_are_timed_in_turn_and_compared_round_by_round():
    clock = Clock()
    # The first two of each warm up, and so does the first of each turn. The third round is twice as slow for both, which their
    # ratio does not show.
    calls = [clock.call("A", 9, 9, 9, 1, 9, 1, 9, 2), clock.call("B", 9, 9, 9, 0.5, 9, 0.75, 9, 1)]
    first, second = in_turn(calls, [0, 0], 0, lambda: clock.now)
    assert "".join(clock.order) == "ABAB" + 3 * "AABB"
    assert first == Latency(1000.0, pytest.approx(1900.0), 1.0, 3)
    assert second == Latency(750.0, pytest.approx(975.0), 0.5, 3)


def test_rounds_fill_the_seconds_and_no_more():
    clock, told = Clock(), []
    (found,) = in_turn([clock.call("A", 1, 1, *[0, 1] * 20)], [0], 10, lambda: clock.now, told.append)
    assert found.rounds == 10 and told == pytest.approx(np.arange(1, 11) / 10)


def row(**changes):
    given = {"file": "a.lxp", "form": "int8", "base": "MLP dense float32", "size_bytes": 2000, "peak_bytes": None, "batch": 1}
    return Row(**given | {"threads": 1, "p50_ms": 1.0, "p95_ms": 2.0, "of_base": 0.5, "rounds": 9} | changes)


@pytest.mark.parametrize(("share", "said"), [(0.5, ""), (0.951, "not faster than MLP dense float32"), (1.7, "not faster")])
def test_a_row_says_where_nothing_was_gained(share, said):
    assert _cells(row(of_base=share))[-1].startswith(said) and bool(_cells(row(of_base=share))[-1]) == bool(said)
    assert _cells(row(file="MLP", form="dense float32", of_base=1.0))[-1] == "base"


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    """Of a net whose weights and inputs are integers of 8 bits, for digits."""
    torch.manual_seed(0)
    factory = partial(MLP, widths=[12])
    net = build(factory, (1, 8, 8), 10).eval()
    quantize(net)
    header = {"model": net_spec(factory, (1, 8, 8), 10, surgery_of(net)), "data": "digits"}
    data = Digits().load()
    path = tmp_path_factory.mktemp("files") / "a.lxp"
    path.write_bytes(encode(net, header | {"mean": list(data.mean), "std": list(data.std)}))
    return path


def test_files_are_measured_beside_their_originals_in_all_their_forms(file):
    rows = bench([file], batches=[2], threads=[1], seconds=0)
    assert [row.form for row in rows] == ["dense float32", "float32", "int8", "dynamic int8"]
    assert [row.file for row in rows] == ["MLP", *[str(file)] * 3]
    assert {row.base for row in rows} == {"MLP dense float32"} and [row.is_base for row in rows] == [True, *[False] * 3]
    assert all(row.rounds == 3 and row.peak_bytes > 0 and row.p95_ms >= row.p50_ms > 0 for row in rows)
    assert rows[0].of_base == 1


def test_two_files_of_one_net_share_their_original_and_torch_runs_them_too(file):
    rows = bench([file, file], "torch", [1], [1], seconds=0)
    assert [row.form for row in rows] == ["dense float32", "float32", "float32"]
    assert all(row.peak_bytes is None for row in rows)


def typed(*arguments):
    """What the command prints, or the line that it ends with."""
    done = CliRunner().invoke(app, [str(one) for one in arguments])
    return str(done.exception) if isinstance(done.exception, LightexpError) else done.output


def test_the_commands(file, tmp_path):
    said = typed("export", file, "-o", tmp_path / "net.onnx", "--precision", "int8")
    assert "net.onnx (int8," in said and "on 359 test samples of digits: largest difference" in said and "test error" in said
    found = json.loads(typed("bench", tmp_path / "net.onnx", "--batch", 1, "--threads", 1, "--seconds", 0, "--json"))
    assert found["runtime"] == "onnx" and [row["batch"] for row in found["rows"]] == [1]
    shown = typed("bench", tmp_path / "net.onnx", "--batch", 1, "--threads", 1, "--seconds", 0)
    assert "batch 1, 1 thread, 3 turns" in shown and "base" in shown


def test_bad_input_is_one_line(file, tmp_path):
    (tmp_path / "bad.onnx").write_bytes(b"nothing")
    with pytest.raises(ArtifactError, match=r"bad.onnx: ONNX Runtime cannot take it"):
        bench([tmp_path / "bad.onnx"])
    with pytest.raises(ConfigError, match=r"bad.onnx is of ONNX, which torch does not run"):
        bench([tmp_path / "bad.onnx"], "torch")
    with pytest.raises(ArtifactError, match=r"none.lxp cannot be read"):
        bench([tmp_path / "none.lxp"])


def test_a_run_that_asks_has_its_latencies_in_the_record(tmp_path):
    experiment = partial(Experiment, Digits(), partial(MLP, widths=[4]), {"train": Fit(1)}, control=False, store=None)
    plain = experiment(directory=tmp_path / "plain").run()
    asked = experiment(directory=tmp_path / "asked", latency=OnnxLatency(seconds=0.01)).run()
    names = [one.name for one in fields(Record) if one.name.startswith("latency_")]
    assert len(names) == 8 and all(METRICS[name].startswith("latency/batch_") for name in names)
    assert all(getattr(plain, name) is None and getattr(asked, name) > 0 for name in names)
    # Another run, or the tracker would take it for the one that it has; the same net.
    assert plain.key != asked.key and plain.stages[-1]["key"] == asked.stages[-1]["key"]


def test_error_against_latency_is_a_picture_with_the_dense_net_in_it():
    own, dense = "latency/batch_1_p50_ms", "latency/batch_1_dense_ms"
    given = [(0.5, {own: 1.0, dense: 4.0}), (0.9, {own: 0.25, dense: 4.4})]
    found = group(pd.DataFrame([run(sparsity=sparsity, metrics=metrics) for sparsity, metrics in given]))
    # Though the dense net was measured twice, with two results, it is one.
    assert len(found.controls) == 1
    assert error_latency_figure(found).axes[0].get_xlabel() == "latency, batch 1 (ms)"
    with pytest.raises(NotDrawn, match="latency=onnx gives one"):
        error_latency_figure(group(pd.DataFrame([run()])))
    assert {KNOWN[METRICS[f"latency_{batch}_of_dense"]].better for batch in (1, 64)} == {"lower"}
