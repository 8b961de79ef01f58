"""`lightexp run`: Hydra in front, an experiment a job behind it."""

import hashlib
import os
import re
import sys
import traceback

import hydra
import yaml
from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from omegaconf import DictConfig

from lightexp.cli.naming import tell
from lightexp.compose.errors import explain
from lightexp.compose.resolvers import conf_folder, register
from lightexp.errors import ConfigError, JobsFailed
from lightexp.sweep.signals import interrupt_on_signals

_failure: list[Exception] = []


def main(arguments: list[str]) -> int:
    """Run Hydra over the arguments; the exit code."""
    verbose = "-v" in arguments
    arguments = [argument for argument in arguments if argument != "-v"]
    # With this Hydra raises an error instead of printing it in its own way.
    os.environ["HYDRA_FULL_ERROR"] = "1"
    register()
    # A user's own classes stand in the directory where he types the command.
    sys.path.insert(0, os.getcwd())
    interrupt_on_signals()
    tell(arguments)
    try:
        check(arguments)
        sys.argv = ["lightexp run", *named(arguments)]
        _failure.clear()
        hydra.main(config_path=str(conf_folder()), config_name="config", version_base="1.3")(job)()
        if _failure:
            raise _failure.pop()
        return 0
    except KeyboardInterrupt:
        print("interrupted; the same command goes on from here", file=sys.stderr)
        return 130
    except JobsFailed as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except Exception as error:
        line = explain(error)
        if verbose or line is None:
            traceback.print_exception(error)
        print(f"error: {line or error}", file=sys.stderr)
        return 1


def job(config: DictConfig) -> None:
    """One job, in the process that Hydra's launcher chose for it.

    A single job's error is kept for later: raised in here, Hydra would announce it in its own words first.
    """
    register()
    sys.path.insert(0, os.getcwd())
    from lightexp.cli.job import run_in_sweep, run_single

    if HydraConfig.get().mode == RunMode.MULTIRUN:
        run_in_sweep(config, HydraConfig.get())
        return
    try:
        run_single(config, HydraConfig.get())
    except Exception as error:
        _failure.append(error)


def check(arguments: list[str]) -> None:
    """Of what is typed, refuse what Hydra has no words for.

    Raises:
        ConfigError: an override without a name, or a group to which no name is given.
    """
    for argument in arguments:
        name, equals, value = argument.partition("=")
        if equals and not name:
            raise ConfigError(f"the override {argument!r} names nothing to set: write NAME=VALUE")
        group = conf_folder() / name
        if equals and group.is_dir() and not isinstance(yaml.safe_load(value), str | list):
            there = ", ".join(sorted(file.stem for file in group.glob("*.yaml")))
            raise ConfigError(f"{argument}: {name} takes a name, one of {there}; ~{name} leaves it out where it may be")


def named(arguments: list[str]) -> list[str]:
    """The arguments, and if they ask for a sweep without sweep=NAME, a name made of what is swept, so that the same command is
    the same sweep.

    Raises:
        ConfigError: a name that cannot be that of a folder.
    """
    if not {"-m", "--multirun"} & set(arguments) or {"--cfg", "-c", "--info", "-i", "--hydra-help"} & set(arguments):
        return arguments
    overrides = sorted(argument for argument in arguments if not argument.startswith(("-", "hydra.", "hydra/")))
    for override in overrides:
        if override.startswith("sweep="):
            name = override.removeprefix("sweep=")
            if not re.fullmatch(r"\w[\w.+-]*", name):
                raise ConfigError(f"sweep={name}: a sweep's name is of letters, digits, and _ . + - behind the first")
            return arguments
    swept = [override.partition("=")[0].rpartition(".")[2] for override in overrides if "," in override or "(" in override]
    plain = [re.sub(r"[^\w.+-]", "", name) for name in swept]
    return [*arguments, f"sweep={'-'.join([*plain, hashlib.sha256(chr(10).join(overrides).encode()).hexdigest()[:6]])}"]
