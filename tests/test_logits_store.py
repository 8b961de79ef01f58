"""Teachers' logits in the store: computed once for all runs, whole or absent, listed and freed."""

import multiprocessing
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import torch

import lightexp
from lightexp.cli import cache
from lightexp.data import Digits, Flip
from lightexp.errors import StoreError
from lightexp.experiment import Experiment, Observer, Store
from lightexp.experiment.preflight import logits_bytes
from lightexp.stages import Chain
from lightexp.stages.fit import fit_of
from tests import tiny

ROWS = 2 * 1295
"""Two views of the digits' training part."""

DYING = """
import os, signal, sys
from pathlib import Path
from lightexp.experiment import Observer
from tests.test_logits_store import experiment

class Dying(Observer):
    def progress(self, chain, stage, share):
        if "answers 1 of 2 views" in stage:
            os.kill(os.getpid(), signal.SIGKILL)

experiment(Path(sys.argv[1]), observers=[Dying()]).run()
"""


class Noting(Observer):
    """What was said of teachers' answers."""

    def __init__(self) -> None:
        self.said: list[tuple[str, float]] = []

    def progress(self, chain, stage, share) -> None:
        if "answers" in stage:
            self.said.append((stage, share))


def experiment(folder: Path, **options) -> Experiment:
    """Of the tiny chain the first training, with a teacher that is seen in a mirror as well."""
    made = tiny.experiment(folder, order=["train"], **options)
    made.data = Digits(augment={"flip": Flip()})
    return made


def logits(folder: Path) -> list[Path]:
    return list((folder / "store" / "stages").glob("*/array.f32"))


@pytest.fixture(scope="module")
def finished(tmp_path_factory) -> tuple[Path, Noting]:
    folder, noting = tmp_path_factory.mktemp("whole"), Noting()
    experiment(folder, observers=[noting]).run()
    return folder, noting


def test_a_run_computes_them_once_and_says_how_far_it_is(finished):
    folder, noting = finished
    (array,) = logits(folder)
    assert array.stat().st_size == ROWS * 10 * 4
    assert noting.said == [
        ("train: teacher's answers 0 of 2 views", 0),
        ("train: teacher's answers 0 of 2 views", 1000 / ROWS),
        ("train: teacher's answers 1 of 2 views", 1295 / ROWS),
        ("train: teacher's answers 1 of 2 views", 2295 / ROWS),
        ("train: teacher's answers 2 of 2 views", 1),
    ]


def test_another_run_of_the_same_teacher_looks_them_up(finished):
    (folder, _), noting = finished, Noting()
    experiment(folder, seed=5, directory=folder / "other", observers=[noting]).run()
    assert noting.said == []
    assert len(logits(folder)) == 1


def test_they_are_listed_used_by_both_and_freed(finished, capsys):
    folder, _ = finished
    (entry,) = (entry for entry in Store(folder / "store").entries() if (entry.folder / "array.f32").exists())
    assert (entry.stage, entry.net) == ("answers to 2 views", "MLP")
    assert folder / "run" in entry.users
    cache.show(folder / "store")
    assert "answers to 2 views" in capsys.readouterr().out


def test_they_are_freed_with_the_runs_that_used_them(tmp_path, capsys):
    experiment(tmp_path).run()
    for expected in (1, 0):
        cache.collect(tmp_path / "store", older_days=0, everything=False, dry=False)
        assert len(logits(tmp_path)) == expected
        shutil.rmtree(tmp_path / "run", ignore_errors=True)
    assert "freed" in capsys.readouterr().out


def test_without_a_store_the_bytes_are_the_same(finished, tmp_path):
    experiment(tmp_path, store=None).run()
    assert (tmp_path / "run/model.lxp").read_bytes() == (finished[0] / "run/model.lxp").read_bytes()


def test_a_run_killed_meanwhile_leaves_nothing_half_done_and_goes_on(finished, tmp_path):
    command = [sys.executable, "-W", "ignore", "-c", DYING, str(tmp_path)]
    done = subprocess.run(command, cwd=Path(lightexp.__file__).parents[1], check=False)
    assert done.returncode == -signal.SIGKILL
    assert logits(tmp_path) == []
    experiment(tmp_path).run()
    (array,), (expected,) = logits(tmp_path), logits(finished[0])
    assert array.parent.name == expected.parent.name
    assert array.read_bytes() == expected.read_bytes()
    assert (tmp_path / "run/model.lxp").read_bytes() == (finished[0] / "run/model.lxp").read_bytes()


def _run(folder: Path, seed: int, results) -> None:
    noting = Noting()
    experiment(folder, seed=seed, directory=folder / str(seed), observers=[noting]).run()
    results.put(sum("of 2 views" in what for what, _ in noting.said))


def test_processes_that_start_together_compute_them_once(tmp_path):
    context = multiprocessing.get_context("spawn")
    results = context.Queue()
    workers = [context.Process(target=_run, args=(tmp_path, seed, results)) for seed in (0, 1)]
    for worker in workers:
        worker.start()
    assert sorted(results.get(timeout=600) for _ in workers) == [0, 5]
    for worker in workers:
        worker.join()
        assert worker.exitcode == 0


def test_what_the_disk_must_hold_is_known_before():
    made = tiny.experiment(Path("nowhere"))
    data, chain = Digits(augment={"flip": Flip()}).load(), Chain(made.model, made.stages)
    assert [fit.epochs for _, stage in chain.steps() if (fit := fit_of(stage))] == [2, 2, 1]  # one teacher, twice looked up
    assert logits_bytes([chain, chain], data) == ROWS * 10 * 4
    assert logits_bytes([Chain(made.model, {"tune": made.stages["tune"]})], data) == 0


def test_computing_that_fails_leaves_nothing(tmp_path):
    store = Store(tmp_path)
    store.probe(0)
    with pytest.raises(ZeroDivisionError):
        store.put_array("key", (torch.ones(3) / (1 // left) for left in (1, 0)), {})
    assert not store.has("key")
    assert not store.leftovers(-1)


def test_a_damaged_file_is_one_line(finished, tmp_path):
    store = Store(tmp_path)
    store.probe(0)
    store.put_array("key", [], {})
    with pytest.raises(StoreError, match="is damaged: remove that folder"):
        store.array("key", 1, 10)
