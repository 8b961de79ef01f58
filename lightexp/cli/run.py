"""`lightexp run`: Hydra in front, an experiment a job behind it."""

import hashlib
import os
import sys
import traceback

import hydra
from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from omegaconf import DictConfig

from lightexp.cli.naming import tell
from lightexp.cli.outcomes import Outcome, collected, complaint, note
from lightexp.compose.errors import explain
from lightexp.compose.resolvers import SWEEP_VARIABLE, conf_folder, register, tracking_uri
from lightexp.errors import ConfigError

_failure: list[Exception] = []


def main(arguments: list[str]) -> int:
    """Run Hydra over the arguments; the exit code."""
    verbose = "-v" in arguments
    arguments = [argument for argument in arguments if argument != "-v"]
    # With this Hydra raises an error instead of printing it in its own way.
    os.environ["HYDRA_FULL_ERROR"] = "1"
    register()
    sys.argv = ["lightexp run", *arguments]
    # A user's own classes stand in the directory where he types the command.
    sys.path.insert(0, os.getcwd())
    sweep = sweep_name(arguments)
    try:
        if nameless := [argument for argument in arguments if argument.startswith("=")]:
            raise ConfigError(f"the override {nameless[0]!r} names nothing to set: write NAME=VALUE")
        return _run_sweep(sweep, arguments) if sweep else _run_one()
    except KeyboardInterrupt:
        print("interrupted; the same command goes on from here", file=sys.stderr)
        return 130
    except Exception as error:
        line = explain(error)
        if verbose or line is None:
            traceback.print_exception(error)
        print(f"error: {line or error}", file=sys.stderr)
        return 1


def _run_one() -> int:
    _failure.clear()
    _hydra()
    if _failure:
        raise _failure.pop()
    return 0


def _run_sweep(name: str, arguments: list[str]) -> int:
    os.environ[SWEEP_VARIABLE] = name
    tell(arguments)
    with collected() as outcomes:
        _hydra()
    if outcomes:
        from lightexp.cli.sweep import conclude

        conclude(name, tracking_uri())
    failed = complaint(outcomes)
    if failed:
        print(failed, file=sys.stderr)
    return 1 if failed else 0


@hydra.main(config_path=str(conf_folder()), config_name="config", version_base="1.3")
def _hydra(config: DictConfig) -> float:
    """One job, in the process that Hydra's launcher chose for it. Returns the validation error, for sweepers to minimise.

    An error is kept for later: raised in here, Hydra would announce it in its own words first.
    """
    register()
    sys.path.insert(0, os.getcwd())
    from lightexp.cli.job import run_job

    job, overrides = HydraConfig.get().job, list(HydraConfig.get().overrides.task)
    in_sweep = HydraConfig.get().mode == RunMode.MULTIRUN
    try:
        value, failure = run_job(config, HydraConfig.get()), None
    except Exception as error:
        value, failure = float("nan"), explain(error) or traceback.format_exc()
        _failure.append(error)
    if in_sweep:
        note(Outcome(job.num, overrides, failure))
    return value


def sweep_name(arguments: list[str]) -> str | None:
    """The name given by sweep=NAME, else one made of what is swept, so that the same command is the same sweep; None if the
    arguments ask for no sweep."""
    if not {"-m", "--multirun"} & set(arguments) or {"--cfg", "-c", "--info", "-i", "--hydra-help"} & set(arguments):
        return None
    overrides = sorted(argument for argument in arguments if not argument.startswith("-") and not argument.startswith("hydra."))
    for override in overrides:
        if override.startswith("sweep="):
            return override.removeprefix("sweep=")
    swept = [override.partition("=")[0].rpartition(".")[2] for override in overrides if "," in override or "(" in override]
    return "-".join([*swept, hashlib.sha256("\n".join(overrides).encode()).hexdigest()[:6]])
