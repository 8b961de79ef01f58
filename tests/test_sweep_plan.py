"""What a sweep says before it runs, and what it does not run again."""

import json
import re
import shutil
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lightexp.cli.run import named
from lightexp.errors import ConfigError
from lightexp.experiment import Store
from lightexp.experiment.forecast import Forecast
from lightexp.sweep.job import Job, folder_of
from lightexp.sweep.plan import announce, totals
from tests.sweeping import QUICK, Typed, statuses


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """A working directory, with a tracking store that takes seconds to make."""
    return tmp_path_factory.mktemp("work")


@pytest.fixture
def typed(folder, capsys) -> Typed:
    return Typed(folder, capsys)


def job(tmp_path, name: str, stages: dict[str, int], store: Store | None = None) -> Job:
    return Job([name], name, tmp_path / name, Forecast(name, stages, control=False), store)


def test_what_jobs_share_is_counted_once(tmp_path):
    store = Store(tmp_path)
    (store.root / "stages" / "teacher").mkdir(parents=True)
    jobs = [job(tmp_path, end, {"teacher": 50, "train": 20, end: 5}, store) for end in ("a", "b", "c")]
    found = totals(jobs)
    assert (found.stages, found.different, found.missing) == (9, 5, 4)
    assert (found.epochs, found.epochs_alone) == (20 + 3 * 5, 3 * 25)
    barred = Job(["d"], "d", tmp_path, error="too sparse")
    assert announce("s", [*jobs, barred], jobs[:1], 2) == (
        "sweep s: 4 jobs · 1 done · 2 to run, 2 at a time · 1 cannot run\n"
        "6 stages, 4 of them different: 1 in the store, 3 to compute (30 epochs; 50 if nothing were shared)"
    )


def test_a_store_that_keeps_nothing_has_nothing(tmp_path):
    assert totals([job(tmp_path, "a", {"x": 1})]).missing == 1


@given(st.lists(st.text(min_size=1, max_size=150), min_size=2, max_size=5, unique_by=lambda name: name.replace(" ", ",")))
def test_folders_are_of_harmless_names_that_differ(names):
    folders = [folder_of(name) for name in names]
    assert len(set(folders)) == len(names)
    assert all(re.fullmatch(r"[\w,=+@\[\]-][\w.,=+@\[\]-]*", folder) and len(folder) < 200 for folder in folders)


def test_the_same_command_is_the_same_sweep():
    first = named(["-m", "seed=0,1", "optimizer.lr=range(1,3)"])
    assert first == [*first[:-1], first[-1]]
    assert re.fullmatch(r"sweep=lr-seed-[0-9a-f]{6}", first[-1])
    assert named(["-m", "optimizer.lr=range(1,3)", "seed=0,1", "hydra.launcher.n_jobs=1"])[-1] == first[-1]
    assert named(["-m", "seed=0,2"])[-1] != named(["-m", "seed=0,1"])[-1]
    assert named(["seed=0"]) == ["seed=0"]
    for name in ("a/b", "../x", "it's", ""):
        with pytest.raises(ConfigError, match="letters, digits"):
            named(["-m", f"sweep={name}"])


def test_only_what_is_missing_runs(typed, folder):
    said = typed("sparsity=0.5,0.9", "sweep=two", *QUICK)
    assert said.startswith(
        "sweep two: 2 jobs · 0 done · 2 to run\n"
        "6 stages, 5 of them different: 0 in the store, 5 to compute (3 epochs; 4 if nothing were shared)\n"
    )
    assert re.search(r"^\[1/2\] sparsity=0.5: started$", said, re.MULTILINE)
    assert re.search(r"^\[2/2\] sparsity=0.9: validation error \d+\.\d\d %, [\d,]+ bytes", said, re.MULTILINE)
    before = statuses(folder)
    files = {path: path.stat().st_mtime_ns for path in folder.glob("multirun/two/*/model.lxp")}
    again = typed("sparsity=0.5,0.9", "sweep=two", *QUICK)
    assert again.startswith("sweep two: 2 jobs · 2 done · 0 to run\n")
    assert "started" not in again
    assert statuses(folder) == before
    assert {path: path.stat().st_mtime_ns for path in files} == files
    # One job is lost, one is new, one cannot run: the seeds are an axis like any other.
    shutil.rmtree(folder / "multirun/two/sparsity=0.5")
    more = typed("sparsity=0.5,1.5", "seed=0,1", "sweep=two", *QUICK, code=1)
    assert more.startswith("sweep two: 4 jobs · 0 done · 2 to run · 2 cannot run\n")
    assert "6 stages, 6 of them different: 3 in the store, 3 to compute (2 epochs; 2 if nothing were shared)" in more
    assert "2 of 4 jobs failed" in more
    assert "      lightexp run sparsity=1.5 seed=1 schedule=prune" in more
    assert [status for _, status in statuses(folder)] == ["FINISHED"] * 3
    assert len({key for key, _ in statuses(folder)}) == 3


def test_a_run_that_is_not_tracked_to_its_end_is_not_done(typed, folder):
    typed("sparsity=0.5", "sweep=one", "tracker=none", *QUICK)
    assert "1 jobs · 0 done" in typed("sparsity=0.5", "sweep=one", *QUICK)
    record = folder / "multirun/one/job/record.json"
    record.write_text(json.dumps(json.loads(record.read_text()) | {"key": "of an edited method"}))
    assert "1 jobs · 0 done" in typed("sparsity=0.5", "sweep=one", *QUICK)
    assert "1 jobs · 1 done" in typed("sparsity=0.5", "sweep=one", *QUICK)
