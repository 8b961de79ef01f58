"""What was typed besides overrides, for the commands that are shown."""

from pathlib import Path

import pytest
from omegaconf import OmegaConf

from lightexp.cli.naming import note_of, tell
from lightexp.compose.typed import flags
from lightexp.sweep.job import Job
from lightexp.sweep.sweep import complaint


@pytest.mark.parametrize(
    ("typed", "found"),
    [
        ("-m seed=0,1", ""),
        ("-m --config-dir conf seed=0,1 sweep=x", "--config-dir conf"),
        ("seed=0 --config-dir=conf --multirun", "--config-dir=conf"),
        ("--config-name mine -cd conf a=1", "--config-name mine -cd conf"),
        ("--config-dir -m seed=0", "--config-dir -m"),  # a folder of that name
    ],
)
def test_flags_go_on_to_a_single_job(typed, found):
    assert flags(typed.split()) == found.split()


def test_a_failed_job_is_told_with_the_command_that_runs_it():
    jobs = [
        Job([f"seed={seed}", "sweep=s", "hydra.job.name=x"], f"seed={seed}", Path("multirun/s") / str(seed)) for seed in (0, 1)
    ]
    trace = "Traceback (most recent call last):\n  File x\nRuntimeError: no score"
    said = complaint(jobs, {"seed=0": trace, "seed=1": "seed: nonsense\nsecond line"}, ["--config-dir", "my conf"])
    assert said.splitlines()[1:] == [
        "  [1] RuntimeError: no score (traceback: multirun/s/0/status.json)",
        "      lightexp run --config-dir 'my conf' seed=0",
        "  [2] seed: nonsense",
        "second line",
        "      lightexp run --config-dir 'my conf' seed=1",
    ]


def test_the_description_of_a_run_names_the_users_configs(monkeypatch):
    monkeypatch.setenv("LIGHTEXP_COMMAND", "")
    tell(["-m", "--config-dir", "conf", "seed=0,1"])
    note = note_of(OmegaConf.create({"seed": 1, "order": ["fit"]}), {"data": "digits"}, ["seed=1"])
    assert note.endswith("`lightexp run --config-dir conf seed=1`")
