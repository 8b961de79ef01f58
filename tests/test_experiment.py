"""The engine and its store: resuming, skipping, sharing, and the Record."""

import errno
import json
import multiprocessing
import os
import shutil
import signal
import subprocess
import sys
from dataclasses import asdict, fields
from pathlib import Path

import pytest
from torch import nn

import lightexp
from lightexp.artifact import load
from lightexp.data import Digits
from lightexp.errors import ConfigError, StoreError
from lightexp.experiment import Observer, Record, Store
from lightexp.measure import score
from tests import tiny

STAGES = ["train", "prune", "cut", "share", "tune"]

DYING = """
import os, signal, sys
from pathlib import Path
from lightexp.experiment import Observer
from lightexp.train import checkpoint
from tests import tiny

class Dying(Observer):
    def progress(self, chain, stage, share):
        if (chain, stage) == (sys.argv[2], sys.argv[3]) and share >= float(sys.argv[4]):
            os.kill(os.getpid(), signal.SIGKILL)

checkpoint.SECONDS_BETWEEN = 0
tiny.experiment(Path(sys.argv[1]), observers=[Dying()]).run()
"""


class Rows(Observer):
    def __init__(self) -> None:
        self.seen: list[tuple[str, str, bool]] = []

    def stage(self, chain, row, curve) -> None:
        self.seen.append((chain, row["stage"], row["reused"]))


@pytest.fixture(scope="module")
def finished(tmp_path_factory) -> Path:
    """The folder of an uninterrupted run."""
    folder = tmp_path_factory.mktemp("whole")
    tiny.experiment(folder).run()
    return folder


@pytest.mark.parametrize(
    ("chain", "stage", "share"),
    [
        ("teacher", "fit", 0.5),
        ("student", "train", 0),
        ("student", "prune", 0.6),
        ("student", "share", 0),
        ("student", "tune", 1),
    ],
)
def test_a_killed_run_goes_on_and_writes_the_same_bytes(finished, tmp_path, chain, stage, share):
    command = [sys.executable, "-W", "ignore", "-c", DYING, str(tmp_path), chain, stage, str(share)]
    root = Path(lightexp.__file__).parents[1]
    assert subprocess.run(command, cwd=root).returncode == -signal.SIGKILL
    assert not (tmp_path / "run" / "model.lxp").exists()
    before = {path.name for path in (tmp_path / "store" / "stages").iterdir()}
    rows = Rows()
    tiny.experiment(tmp_path, observers=[rows]).run()
    assert (tmp_path / "run" / "model.lxp").read_bytes() == (finished / "run" / "model.lxp").read_bytes()
    done = STAGES[: STAGES.index(stage)] if chain == "student" else []
    assert [name for _, name, reused in rows.seen if reused and name != "fit"] == done
    assert before <= {path.name for path in (tmp_path / "store" / "stages").iterdir()}
    assert not list((tmp_path / "store" / "partial").glob("*/epoch.ckpt"))


def test_a_second_run_computes_nothing(finished):
    rows = Rows()
    again = tiny.experiment(finished, observers=[rows], directory=finished / "again").run()
    assert [(name, reused) for _, name, reused in rows.seen] == [(name, True) for name in STAGES]
    assert (finished / "again" / "model.lxp").read_bytes() == (finished / "run" / "model.lxp").read_bytes()
    first = Record.read(finished / "run" / "record.json")
    assert (again.key, again.test_accuracy, again.seconds) == (first.key, first.test_accuracy, first.seconds)


def test_runs_that_begin_alike_share_what_they_have_in_common(finished):
    rows = Rows()
    tiny.experiment(finished, sparsity=0.6, observers=[rows], directory=finished / "other").run()
    assert [(name, reused) for _, name, reused in rows.seen if name in ("train", "prune")] == [
        ("train", True),
        ("prune", False),
    ]


def _run(folder: Path, sparsity: float, results) -> None:
    rows = Rows()
    tiny.experiment(folder, sparsity=sparsity, observers=[rows], directory=folder / f"run-{sparsity}").run()
    results.put(rows.seen)


def test_processes_that_start_together_train_the_common_prefix_once(tmp_path):
    context = multiprocessing.get_context("spawn")
    results = context.Queue()
    workers = [context.Process(target=_run, args=(tmp_path, sparsity, results)) for sparsity in (0.5, 0.6, 0.7)]
    for worker in workers:
        worker.start()
    seen = [results.get(timeout=600) for _ in workers]
    for worker in workers:
        worker.join()
        assert worker.exitcode == 0
    computed = [(chain, name) for rows in seen for chain, name, reused in rows if not reused]
    assert computed.count(("student", "train")) == 1
    assert computed.count(("teacher", "fit")) == 1
    assert computed.count(("student", "prune")) == 3


def test_without_a_store_nothing_is_kept_and_the_bytes_are_the_same(finished, tmp_path):
    tiny.experiment(tmp_path, store=None).run()
    assert (tmp_path / "run" / "model.lxp").read_bytes() == (finished / "run" / "model.lxp").read_bytes()
    assert not (tmp_path / "store").exists()


def test_the_record_is_of_the_file(finished):
    record = json.loads((finished / "run" / "record.json").read_text())
    data = Digits().load()
    net = load(finished / "run" / "model.lxp")
    assert record["test_accuracy"] == score(net, data, data.test).accuracy
    assert record["file_bytes"] == os.path.getsize(finished / "run" / "model.lxp")
    sections = ("header", "positions", "values", "tables", "dense")
    assert record["file_bytes"] == sum(record[f"{section}_bytes"] for section in sections)
    weights = 24 * 64 + 10 * 24
    assert record["params"] == weights + 34
    assert record["macs"] == weights
    kept = weights - round((0.8 + 0.05) * weights)
    assert record["sparsity_prunable"] == 1 - kept / weights
    assert record["sparsity_asked"] == 0.8 + 0.05
    assert record["original_bytes"] == 4 * record["params"]
    assert record["effective_macs"] == kept
    assert record["bops"] == kept * 3 * 32
    assert record["dense_test_accuracy"] is None
    assert [row["stage"] for row in record["stages"]] == STAGES
    assert set(record) == {f.name for f in fields(Record)}


def test_the_control_trains_as_long_and_stays_dense(tmp_path):
    rows: dict[str, dict] = {}

    class Keep(Observer):
        def stage(self, chain, row, curve):
            rows[chain] = row

    record = tiny.experiment(tmp_path, control=True, observers=[Keep()]).run()
    assert rows["control"]["epochs"] == record.epochs == 5
    assert rows["control"]["sparsity"] < 0.01
    assert record.dense_test_accuracy > 50


def test_an_order_that_names_no_stage_is_refused(tmp_path):
    with pytest.raises(ConfigError, match="'prun', which is not defined; there are: train, prune"):
        tiny.experiment(tmp_path, order=["train", "prun"]).run()


def test_an_optimizer_with_a_wrong_option_is_refused_before_training(tmp_path):
    experiment = tiny.experiment(tmp_path)
    experiment.stages = {"train": tiny.Fit(1, optimizer=tiny.partial(tiny.torch.optim.Adam, rate=1))}
    with pytest.raises(ConfigError, match="stage train: its optimizer cannot be made.*rate"):
        experiment.run()


class Tied(nn.Module):
    def __init__(self, input_shape, classes):
        super().__init__()
        self.first, self.last = nn.Linear(64, 64), nn.Linear(64, classes)
        self.second = self.first

    def forward(self, x):
        return self.last(self.second(self.first(x.flatten(1))))


def test_a_net_with_tied_weights_is_refused(tmp_path):
    experiment = tiny.experiment(tmp_path)
    experiment.model = Tied
    with pytest.raises(ConfigError, match="one tensor as first.weight and as second.weight"):
        experiment.run()


def test_a_damaged_stage_is_one_clear_error(finished, tmp_path):
    shutil.copytree(finished / "store", tmp_path / "store")
    for file in (tmp_path / "store" / "stages").glob("*/net.pt"):
        file.write_bytes(file.read_bytes()[:100])
    with pytest.raises(StoreError, match="is damaged: remove that folder and run again"):
        tiny.experiment(tmp_path).run()


def test_a_store_that_is_no_folder_is_one_clear_error(tmp_path):
    (tmp_path / "store").write_text("not a folder")
    with pytest.raises(StoreError, match="cannot be used.*cache.root="):
        tiny.experiment(tmp_path).run()
    assert not (tmp_path / "run").exists()


def test_observers_hear_of_a_failure(tmp_path):
    heard = []

    class Ears(Observer):
        def fail(self, error):
            heard.append(error)

    experiment = tiny.experiment(tmp_path, observers=[Ears()], order=["nothing"])
    with pytest.raises(ConfigError) as error:
        experiment.run()
    assert heard == [error.value]


def test_the_store_lists_its_users_and_forgets_what_it_is_told_to(finished):
    store = Store(finished / "store")
    entries = {entry.key: entry for entry in store.entries()}
    used = [entry for entry in entries.values() if finished / "run" in entry.users]
    assert {entry.stage for entry in used} == {*STAGES, "fit"}
    assert all(entry.size_bytes > 0 and asdict(entry) for entry in used)


def test_a_training_that_cannot_be_kept_can_go_on(tmp_path, monkeypatch):
    store = Store(tmp_path)
    store.probe(0)
    store.checkpoint("k").parent.mkdir()
    store.checkpoint("k").write_bytes(b"an hour")
    stale = tmp_path / "partial" / f"k-{os.getpid()}"  # of a dead process with the number of this one
    stale.mkdir()
    with monkeypatch.context() as patched, pytest.raises(StoreError, match="no space"):
        patched.setattr(os, "replace", full)
        store.put("k", {}, {})
    assert store.checkpoint("k").read_bytes() == b"an hour" and not stale.exists()
    store.put("k", {}, {})
    assert store.has("k") and not store.checkpoint("k").exists()


def test_what_a_run_under_way_rests_on_is_in_use(tmp_path):
    seen = []

    class Looks(Observer):
        def stage(self, chain, row, curve):
            (entry,) = [entry for entry in Store(tmp_path / "store").entries() if entry.key == row["key"]]
            seen.append([str(user) for user in entry.users] == [str(tmp_path / "run")] or chain == "teacher")

    tiny.experiment(tmp_path, observers=[Looks()]).run()
    assert len(seen) == 6 and all(seen)


def full(*_):
    raise OSError(errno.ENOSPC, "no space")


def test_an_entry_is_forgotten_whole(tmp_path, monkeypatch):
    store = Store(tmp_path)
    store.probe(0)
    store.put("k", {}, {"row": {"stage": "fit"}, "net": "MLP"})
    with monkeypatch.context() as patched, pytest.raises(StoreError):
        patched.setattr(shutil, "rmtree", full)  # as if killed
        store.remove(store.entries()[0])
    assert not store.has("k")
    assert [path.name for path in store.leftovers(-1)] == [f"k-gone-{os.getpid()}"]
