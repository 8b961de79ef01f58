"""The commands, as typed."""

import json
import re
import signal
import sqlite3
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import numpy as np
import pytest

FAST = ["epochs=2", "tune_epochs=1", "teacher_epochs=2"]


def lightexp(folder: Path, *arguments: str, code: int = 0) -> str:
    """What the command prints, to either stream, when typed in a folder."""
    command = [sys.executable, "-m", "lightexp.cli.main", *arguments]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=600)
    assert done.returncode == code, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    return done.stdout + done.stderr


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """A working directory in which the main job has run once."""
    folder = tmp_path_factory.mktemp("work")
    (folder / "said").write_text(lightexp(folder, "run", *FAST, "hydra.run.dir=out"))
    return folder


def test_the_main_job_shows_its_stages_and_where_things_are(folder):
    said = (folder / "said").read_text()
    for stage in ("teacher: fit", "train", "prune", "tune", "share", "tune_centroids", "control: fit"):
        assert re.search(rf"^{stage} +\d+ +\d+\.\d\d", said, re.MULTILINE)
    for command in ("lightexp inspect out/model.lxp", "lightexp evaluate out/model.lxp", "out/stages.png", "lightexp ui"):
        assert command in said
    found = {path.name for path in (folder / "out").iterdir() if path.is_file()}
    assert found == {"model.lxp", "record.json", "config.yaml", "stages.png", "layers.png"}


def test_inspect_needs_no_torch_and_itemises_every_byte(folder):
    found = json.loads(lightexp(folder, "inspect", "out/model.lxp", "--json"))
    assert sum(found["bytes"].values()) == found["file_bytes"] == (folder / "out/model.lxp").stat().st_size
    assert [layer["shape"] for layer in found["layers"]] == [[300, 64], [100, 300], [10, 100]]
    assert all(layer["bits"] == 4 for layer in found["layers"])
    script = "import sys; from lightexp.cli.inspect import show; from pathlib import Path; show(Path('out/model.lxp'), False)"
    check = [sys.executable, "-c", script + "; assert 'torch' not in sys.modules"]
    assert "positions" in subprocess.run(check, cwd=folder, check=True, capture_output=True, text=True).stdout


def test_a_table_needs_neither_torch_nor_mlflow(folder):
    script = "import sys; from lightexp.cli.table import show; show(None, None, True, None, 'sqlite:///mlflow.db')"
    check = [sys.executable, "-c", script + "; assert not {'torch', 'mlflow'} & set(sys.modules)"]
    assert "dense control" in subprocess.run(check, cwd=folder, check=True, capture_output=True, text=True).stdout


def test_evaluate_prints_the_accuracy_of_the_record(folder):
    record = json.loads((folder / "out/record.json").read_text())
    assert f"test: accuracy {record['test_accuracy']} %" in lightexp(folder, "evaluate", "out/model.lxp")
    (folder / "alone").mkdir()
    (folder / "alone/model.lxp").write_bytes((folder / "out/model.lxp").read_bytes())
    assert f"test: accuracy {record['test_accuracy']} %" in lightexp(folder, "evaluate", "alone/model.lxp")


def test_evaluate_refuses_another_data_set(folder):
    x = np.zeros((40, 9, 9), np.uint8)
    x[::2] = 255
    np.savez(folder / "other.npz", x_train=x, y_train=np.arange(40) % 2, x_test=x, y_test=np.arange(40) % 2)
    said = lightexp(folder, "evaluate", "out/model.lxp", "data=arrays", "data.path=other.npz", code=1)
    assert "error: other has inputs of [1, 9, 9] and 2 classes" in said


def test_a_damaged_file_is_one_line(folder):
    (folder / "cut.lxp").write_bytes((folder / "out/model.lxp").read_bytes()[:-9])
    for command in ("inspect", "evaluate"):
        assert lightexp(folder, command, "cut.lxp", code=1).startswith("error: cut.lxp: its checksum does not match")


def test_the_store_is_listed_and_freed(folder):
    said = lightexp(folder, "cache", "ls")
    assert re.search(r"^[0-9a-f]{12} +tune_centroids +MLP .* out *$", said, re.MULTILINE)
    assert "11 entries" in said
    assert "0 entries" in lightexp(folder, "cache", "gc")
    assert "would free" in lightexp(folder, "cache", "gc", "--all", "--dry-run")


def test_a_sweep_with_a_failing_job_finishes_the_others_and_says_so(folder):
    arguments = ["-m", "seed=0,1", "sparsity=0.5,1.5", "sweep=both", "schedule=prune", "loss=cross_entropy", "control=true"]
    said = lightexp(folder, "run", *arguments, *FAST, "hydra/launcher=basic", code=1)
    assert said.count("test error") >= 2
    assert "] stages.prune.sparsity: input should be less than 1 (given: 1.5)" in said
    assert "2 of 4 jobs failed" in said
    table = lightexp(folder, "table", "both")
    assert re.search(r"^prune +2 ", table, re.MULTILINE), table
    assert re.search(r"^dense control +2 ", table, re.MULTILINE), table
    lightexp(folder, "table", "both", "-o", "t.tex")
    assert "\\toprule" in (folder / "t.tex").read_text()
    assert "no sweep 'bothh'; did you mean 'both'?" in lightexp(folder, "table", "bothh", code=1)


def test_a_users_own_net_is_trained_and_opened_only_with_trust(folder):
    source = """
        from torch import nn
        class Net(nn.Sequential):
            def __init__(self, input_shape, classes, width=8):
                super().__init__(nn.Flatten(), nn.Linear(64, width), nn.ReLU(), nn.Linear(width, classes))
    """
    (folder / "mynets.py").write_text("\n".join(line[8:] for line in source.splitlines()))
    own = ["model=custom", "model._target_=mynets.Net", "+model.width=12", "schedule=dense", "loss=cross_entropy"]
    lightexp(folder, "run", *own, *FAST, "control=false", "tracker=none", "hydra.run.dir=own")
    assert "the file's net is mynets.Net" in lightexp(folder, "evaluate", "own/model.lxp", code=1)
    assert "test: accuracy" in lightexp(folder, "evaluate", "own/model.lxp", "--trust")


def test_an_interrupt_says_so_and_leaves_no_run_running(folder, tmp_path):
    command = [sys.executable, "-m", "lightexp.cli.main", "run", "loss=cross_entropy", "schedule=dense", "epochs=100000"]
    # A shell that starts the tests in the background has them ignore interrupts, and their children too.
    heeding = partial(signal.signal, signal.SIGINT, signal.SIG_DFL)
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    child = subprocess.Popen(command, cwd=tmp_path, preexec_fn=heeding, **pipes)
    while not list(tmp_path.glob(".lightexp/partial/*/epoch.ckpt")):
        assert child.poll() is None, child.communicate()
        time.sleep(0.2)
    child.send_signal(signal.SIGINT)
    _, said = child.communicate(timeout=300)
    assert (child.returncode, said.strip()) == (130, "interrupted; the same command goes on from here")
    with sqlite3.connect(tmp_path / "mlflow.db") as store:
        assert store.execute("select status from runs").fetchall() == [("KILLED",)]


def test_an_error_leaves_no_half_written_run(folder):
    said = lightexp(folder, "run", "optimizer=sgd", "optimizer.lr=1e30", "loss=cross_entropy", "hydra.run.dir=nan", code=1)
    assert re.search(r"error: stage train: the loss became NaN or infinite in epoch 1, first in layer layers\.\d", said)
    assert {path.name for path in (folder / "nan").iterdir()} == {".hydra", "config.yaml"}


@pytest.mark.parametrize("command", ["run", "table", "inspect", "evaluate", "ui", "cache ls", "cache gc"])
def test_every_command_explains_itself_with_an_example(tmp_path, command):
    said = lightexp(tmp_path, *command.split(), "--help")
    assert "Example" in said
    assert f"lightexp {command}" in said


def test_version_and_readers_that_stop_early(tmp_path):
    assert re.fullmatch(r"\d+\.\d+\.\d+", lightexp(tmp_path, "--version").strip())
    command = [sys.executable, "-m", "lightexp.cli.main", "--help"]
    # The far end of the pipe is closed before the command has written anything.
    child = subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    child.stdout.close()
    said = child.stderr.read().decode()
    child.wait()
    child.stderr.close()
    assert "Traceback" not in said
