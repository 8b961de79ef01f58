"""One job: a composed config becomes a run, watched by the terminal, the pictures and the tracker."""

import os
from pathlib import Path
from typing import Any

import torch
from omegaconf import DictConfig, OmegaConf

from lightexp.cli.console import Live
from lightexp.compose import build
from lightexp.compose.resolvers import cores
from lightexp.experiment import Observer
from lightexp.experiment.write import write_whole
from lightexp.report.observer import Pictures
from lightexp.sweep.give_up import GiveUp
from lightexp.sweep.status import told


def run_single(config: DictConfig, hydra_config: Any) -> None:
    """Run the experiment that Hydra composed, in Hydra's output directory, on all cores."""
    torch.set_num_threads(cores())
    tracker = _tracker(config, hydra_config, " ".join(hydra_config.overrides.task), {})
    _run(config, hydra_config, tracker, Live(tracker))


def run_in_sweep(config: DictConfig, hydra_config: Any) -> None:
    """The same as one job of several, which is told through a file, and so are its errors."""
    with told(Path(hydra_config.runtime.output_dir)) as observer:
        # Of a pool's process this is its share; of a cluster's, what the job asked for.
        torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS") or cores()))
        name = Path(hydra_config.runtime.output_dir).name.replace(",", " ")
        tracker = _tracker(config, hydra_config, name, {"sweep": str(config.sweep)})
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


def _tracker(config: DictConfig, hydra_config: Any, name: str, tags: dict[str, str]) -> Any:
    """Named after what the user asked for: the overrides, or in a sweep those that vary."""
    tags = _choices(hydra_config) | tags
    return build.tracker(config, name=name[:120] or None, params=build.scalars(config), tags=tags)


def _choices(hydra_config: Any) -> dict[str, str]:
    """The choice in each config group."""
    choices = {
        name: str(choice) for name, choice in hydra_config.runtime.choices.items() if "/" not in name and "@" not in name
    }
    return {name: choice for name, choice in choices.items() if choice != "None"}
