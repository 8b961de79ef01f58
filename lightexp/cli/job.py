"""One job: a composed config becomes a run, watched by the terminal, the pictures and the tracker."""

import os
from pathlib import Path
from typing import Any

import torch
from omegaconf import DictConfig, OmegaConf

from lightexp.cli.console import JobLine, Live
from lightexp.cli.naming import colour_of, name_of, note_of
from lightexp.compose import build
from lightexp.compose.resolvers import SWEEP_VARIABLE, cores
from lightexp.experiment import Observer, Record
from lightexp.experiment.write import write_whole
from lightexp.report.observer import Pictures


def run_job(config: DictConfig, hydra_config: Any) -> float:
    """Run the experiment that Hydra composed, in Hydra's output directory; its validation error in percent."""
    directory = Path(hydra_config.runtime.output_dir)
    in_sweep = hydra_config.mode.name == "MULTIRUN"
    _share_cores(hydra_config.launcher.get("n_jobs", 1) if in_sweep else 1)
    choices, overrides = _choices(hydra_config), list(hydra_config.overrides.task)
    tags = choices | _shown(config, choices, overrides) | ({"sweep": os.environ[SWEEP_VARIABLE]} if in_sweep else {})
    tracker = build.tracker(config, name=name_of(overrides), params=_params(config, choices, overrides), tags=tags)
    experiment = build.experiment(config, directory)
    if tracker:
        tracker.open()
    write_whole(directory / "config.yaml", OmegaConf.to_yaml(config, resolve=True).encode())
    job = f"[{hydra_config.job.num}] {hydra_config.job.override_dirname.replace(',', ' ')}" if in_sweep else None
    terminal: Observer = JobLine(job) if job else Live(tracker)
    experiment.observers = [Pictures(), *([tracker] if tracker else []), terminal]
    record: Record = experiment.run()
    return 100 - record.val_accuracy


def _share_cores(jobs: int) -> None:
    """Give each of the processes that run at the same time its share of the processors."""
    torch.set_num_threads(max(1, cores() // max(1, jobs)))


def _choices(hydra_config: Any) -> dict[str, str]:
    """The choice in each config group."""
    choices = hydra_config.runtime.choices.items()
    return {name: str(choice) for name, choice in choices if "/" not in name and "@" not in name and choice is not None}


def _params(config: DictConfig, choices: dict[str, str], overrides: list[str]) -> dict[str, Any]:
    """The scalars of the config and the choices, which MLflow draws and compares as params only. A choice names a class by
    itself, unless the user named another one."""
    named = {override.partition("=")[0].lstrip("+") for override in overrides}
    told = {f"{group}._target_" for group in choices} - named
    return {name: value for name, value in build.scalars(config).items() if name not in told} | choices


def _shown(config: DictConfig, choices: dict[str, str], overrides: list[str]) -> dict[str, str]:
    """What MLflow's page reads from tags: the run's description and its colour."""
    colour = colour_of(overrides)
    return {"mlflow.note.content": note_of(config, choices, overrides)} | ({"mlflow.runColor": colour} if colour else {})
