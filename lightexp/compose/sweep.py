"""The configs of a sweep's jobs."""

import copy
import itertools
from pathlib import Path
from typing import Any

from hydra.core.hydra_config import HydraConfig
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from hydra.types import HydraContext
from omegaconf import DictConfig, open_dict, read_write

from lightexp.compose import build
from lightexp.experiment import Experiment


def parse(context: HydraContext, arguments: list[str]) -> list[Override]:
    """What the user typed, value sweeps and all."""
    return OverridesParser.create(config_loader=context.config_loader).parse_overrides(arguments)


def grid(overrides: list[Override]) -> list[list[str]]:
    """Every combination of the values, the last override varying fastest; each an override for every key."""
    return [list(combination) for combination in itertools.product(*map(values, overrides))]


def values(override: Override) -> list[str]:
    """The overrides that one with several values stands for; itself if it has one."""
    key = override.get_key_element()
    if not override.is_sweep_override():
        return [f"{key}={override.get_value_element_as_str()}"]
    return [f"{key}={value}" for value in override.sweep_string_iterator()]


def compose_job(context: HydraContext, master: DictConfig, overrides: list[str]) -> tuple[Experiment, Path]:
    """The experiment that a job will run, and its directory: what the launchers make of the same overrides."""
    composed: Any = context.config_loader.load_sweep_config(master, overrides)
    HydraConfig.instance().set_config(composed)
    directory = Path(composed.hydra.sweep.dir, composed.hydra.sweep.subdir).absolute()
    config = copy.deepcopy(composed)
    with read_write(config), open_dict(config):
        del config["hydra"]
    return build.experiment(config, directory), directory
