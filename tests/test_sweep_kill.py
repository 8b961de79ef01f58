"""Sweeps whose processes are killed, for real."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from lightexp.sweep.pool import Pool
from tests.sweeping import lives, statuses

COMMAND = ["run", "-m", "seed=0,1", "sweep=killed", "schedule=dense", "loss=cross_entropy", "control=false", "epochs=60"]

pytestmark = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="looks at processes through /proc")


def start(folder: Path, processes: int) -> subprocess.Popen:
    """The sweep, which says what it says in the file `said`."""
    command = [sys.executable, "-m", "lightexp.cli.main", *COMMAND, f"hydra.launcher.n_jobs={processes}"]
    with (folder / "said").open("w") as said:
        return subprocess.Popen(command, cwd=folder, stdout=said, stderr=subprocess.STDOUT)


def told(folder: Path) -> list[dict]:
    return [json.loads(file.read_text()) for file in folder.glob("multirun/killed/*/status.json")]


def until(sweep: subprocess.Popen, folder: Path, condition) -> None:
    """Wait, while the sweep goes on."""
    while not condition():
        assert sweep.poll() is None, (folder / "said").read_text()
        time.sleep(0.05)


def training(folder: Path) -> list[int]:
    """Processes that have told that they train."""
    return [
        status["pid"] for status in told(folder) if status["state"] == "running" and status["stage"] and lives(status["pid"])
    ]


def all_gone(pids: list[int]) -> bool:
    limit = time.monotonic() + 120
    while any(map(lives, pids)) and time.monotonic() < limit:
        time.sleep(0.1)
    return not any(map(lives, pids))


def test_a_sweep_goes_on_whatever_is_killed_and_runs_nothing_twice(tmp_path):
    said = tmp_path / "said"
    sweep = start(tmp_path, 2)
    until(sweep, tmp_path, lambda: len(training(tmp_path)) == 2)
    os.kill(training(tmp_path)[0], signal.SIGKILL)
    until(sweep, tmp_path, lambda: "its process died; started again" in said.read_text())
    until(sweep, tmp_path, lambda: training(tmp_path))
    # The parent dies: those that work for it stop.
    pids = training(tmp_path)
    sweep.kill()
    sweep.wait()
    assert all_gone(pids)
    # It is asked to stop, as by a machine that goes down.
    sweep = start(tmp_path, 1)
    until(sweep, tmp_path, lambda: training(tmp_path))
    pids = training(tmp_path)
    sweep.terminate()
    assert sweep.wait(timeout=300) == 130
    assert said.read_text().endswith("interrupted; the same command goes on from here\n")
    assert all_gone(pids)
    sweep = start(tmp_path, 2)
    assert sweep.wait(timeout=600) == 0, said.read_text()
    assert [status for _, status in statuses(tmp_path)] == ["FINISHED"] * 2
    assert len(dict(statuses(tmp_path))) == 2


def test_what_kills_its_process_twice_fails_and_the_others_run(tmp_path, monkeypatch):
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.setattr("lightexp.sweep.pool.cores", lambda: 6)

    def call(overrides, number):
        with Path(overrides[0]).open("a") as file:
            file.write(f"{number} {os.environ['OMP_NUM_THREADS']}\n")
        if overrides[1:] == ["die"]:
            os.kill(os.getpid(), signal.SIGKILL)
        if overrides[1:] == ["raise"]:
            raise ZeroDivisionError

    paths = [str(tmp_path / name) for name in "abcd"]
    pool = Pool(call, 2)
    try:
        errors = pool.run([[paths[0], "die"], [paths[1]], [paths[2], "raise"], [paths[3]]], 10)
        assert pool.run([[paths[3]]], 20) == [None]
        assert len(pool.workers) <= 2
    finally:
        pool.close()
    assert "was killed by SIGKILL, 2 times" in str(errors[0])
    assert "ZeroDivisionError" in str(errors[2])
    assert (errors[1], errors[3]) == (None, None)
    assert [Path(path).read_text() for path in paths] == ["10 3\n10 3\n", "11 3\n", "12 3\n", "13 3\n20 3\n"]
    assert "OMP_NUM_THREADS" not in os.environ
