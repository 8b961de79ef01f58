"""Sweeps typed in a folder, for the tests of several files."""

import os
import signal
import sqlite3
import sys
from contextlib import contextmanager
from pathlib import Path

import pytest

from lightexp.cli.run import main

QUICK = ["schedule=prune", "loss=cross_entropy", "control=false", "epochs=1", "tune_epochs=1"]
"""A job of three stages: train, prune, tune."""


class Typed:
    """Commands typed in a folder, run in this process, where nothing needs to be imported again."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture) -> None:
        self.folder, self.capsys = folder, capsys

    def __call__(self, *arguments: str, code: int = 0) -> str:
        """What `lightexp run -m` prints to either stream."""
        with as_it_was(), pytest.MonkeyPatch.context() as patch:
            patch.chdir(self.folder)
            patch.setattr(sys, "argv", sys.argv)
            patch.setattr(sys, "path", [*sys.path])
            # Both are set by `main`, and put back with this.
            patch.setenv("HYDRA_FULL_ERROR", "1")
            patch.setenv("LIGHTEXP_COMMAND", "")
            found = main(["-m", "hydra/launcher=basic", *arguments])
        captured = self.capsys.readouterr()
        said = captured.out + captured.err
        assert found == code, said
        return said


@contextmanager
def as_it_was():
    """Signals are heard as before, and other tests count on the number of threads."""
    import torch

    kept, threads = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}, torch.get_num_threads()
    try:
        yield
    finally:
        torch.set_num_threads(threads)
        for number, handler in kept.items():
            signal.signal(number, handler)


def statuses(folder: Path) -> list[tuple[str, str]]:
    """Key and status of each run in the folder's store that was not deleted, sorted; summary runs have none."""
    query = """select value, status from runs join tags using (run_uuid) where key = 'key' and lifecycle_stage = 'active'"""
    with sqlite3.connect(folder / "mlflow.db") as store:
        return sorted(store.execute(query).fetchall())


def lives(pid: int) -> bool:
    """Whether the process is there, and more than an entry that nobody has waited for."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
