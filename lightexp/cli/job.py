"""One job: a composed config becomes a run, watched by the terminal, the pictures and the tracker."""

import os
from pathlib import Path
from typing import Any

import torch
from omegaconf import DictConfig, OmegaConf

from lightexp.cli.console import Live
from lightexp.cli.naming import colour_of, command, name_of, note_of
from lightexp.compose import build
from lightexp.compose.resolvers import cores
from lightexp.compose.unread import idle, unread
from lightexp.experiment import Observer
from lightexp.experiment.write import write_whole
from lightexp.report.observer import Pictures
from lightexp.sweep.give_up import GiveUp
from lightexp.sweep.status import told


def run_single(config: DictConfig, hydra_config: Any) -> None:
    """Run the experiment that Hydra composed, in Hydra's output directory, on all cores."""
    torch.set_num_threads(cores())
    for override in unread(config, hydra_config.overrides.task):
        print(f"note: {override} changes nothing, since no stage of this run reads it")
    tracker = _tracker(config, hydra_config, {})
    _run(config, hydra_config, tracker, Live(tracker))


def run_in_sweep(config: DictConfig, hydra_config: Any) -> None:
    """The same as one job of several, which is told through a file, and so are its errors."""
    with told(Path(hydra_config.runtime.output_dir)) as observer:
        # Of a pool's process this is its share; of a cluster's, what the job asked for.
        torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS") or cores()))
        tracker = _tracker(config, hydra_config, {"sweep": str(config.sweep), "command": command()[:5000]})
        _run(config, hydra_config, tracker, observer, *_give_up(hydra_config))


def _give_up(hydra_config: Any) -> list[Observer]:
    """What ends a job of a search early."""
    after = hydra_config.sweeper.get("give_up_after")
    return [GiveUp(hydra_config.sweeper.objectives, Path(hydra_config.sweep.dir), after)] if after else []


def _run(config: DictConfig, hydra_config: Any, tracker: Any, *observers: Observer) -> None:
    directory = Path(hydra_config.runtime.output_dir)
    experiment = build.experiment(config, directory)
    if tracker:
        tracker.open()
    write_whole(directory / "config.yaml", OmegaConf.to_yaml(config, resolve=True).encode())
    experiment.observers = [Pictures(), *([tracker] if tracker else []), *observers]
    experiment.run()


def _tracker(config: DictConfig, hydra_config: Any, tags: dict[str, str]) -> Any:
    """Named after what the user asked for: the overrides, or in a sweep those that vary. What no stage reads is no setting."""
    none = idle(config)
    choices = {name: choice for name, choice in _choices(hydra_config).items() if name not in none}
    overrides = list(hydra_config.overrides.task)
    tags = choices | _shown(config, choices, overrides) | tags
    return build.tracker(config, name=name_of(overrides), params=_params(config, choices, overrides), tags=tags)


def _choices(hydra_config: Any) -> dict[str, str]:
    """The choice in each config group."""
    choices = {
        name: str(choice) for name, choice in hydra_config.runtime.choices.items() if "/" not in name and "@" not in name
    }
    return {name: choice for name, choice in choices.items() if choice != "None"}


def _params(config: DictConfig, choices: dict[str, str], overrides: list[str]) -> dict[str, Any]:
    """The scalars of the config and the choices, which MLflow draws and compares as params only. A choice names a class by
    itself, unless the user named another one."""
    named = {override.partition("=")[0].lstrip("+") for override in overrides}
    told = {f"{group}._target_" for group in choices} - named
    scalars = {name: value for name, value in build.scalars(config).items() if name.partition(".")[0] not in idle(config)}
    return {name: value for name, value in scalars.items() if name not in told} | choices


def _shown(config: DictConfig, choices: dict[str, str], overrides: list[str]) -> dict[str, str]:
    """What MLflow's page reads from tags: the run's description and its colour."""
    colour = colour_of(overrides)
    return {"mlflow.note.content": note_of(config, choices, overrides)} | ({"mlflow.runColor": colour} if colour else {})
