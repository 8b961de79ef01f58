"""`lightexp run`: Hydra in front, an experiment a job behind it."""

import hashlib
import os
import sys
import traceback

import hydra
from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from omegaconf import DictConfig

from lightexp.compose.errors import explain
from lightexp.compose.resolvers import SWEEP_VARIABLE, conf_folder, register, tracking_uri

MULTIRUN = ("-m", "--multirun")
_failure: list[Exception] = []


def main(arguments: list[str]) -> int:
    """Run Hydra over the arguments; the exit code."""
    verbose = "-v" in arguments
    arguments = [argument for argument in arguments if argument != "-v"]
    sweep = _sweep_name(arguments) if any(flag in arguments for flag in MULTIRUN) else None
    # With this Hydra raises an error instead of printing it in its own way.
    os.environ["HYDRA_FULL_ERROR"] = "1"
    if sweep:
        os.environ[SWEEP_VARIABLE] = sweep
    register()
    sys.argv = ["lightexp run", *arguments]
    # A user's own classes stand in the directory where he types the command.
    sys.path.insert(0, os.getcwd())
    try:
        _failure.clear()
        _hydra()
        if _failure:
            raise _failure.pop()
        code = 0
    except KeyboardInterrupt:
        print("interrupted; the same command goes on from here", file=sys.stderr)
        code = 130
    except Exception as error:
        line = explain(error)
        if verbose or line is None:
            traceback.print_exc()
        print(f"error: {line or error}", file=sys.stderr)
        code = 1
    if sweep and not {"--cfg", "-c", "--info", "--help"} & set(arguments):
        from lightexp.cli.sweep import conclude

        conclude(sweep, tracking_uri())
    return code


@hydra.main(config_path=str(conf_folder()), config_name="config", version_base="1.3")
def _hydra(config: DictConfig) -> float:
    """One job, in the process that Hydra's launcher chose for it. Returns the validation error, for sweepers to minimise."""
    register()
    sys.path.insert(0, os.getcwd())
    from lightexp.cli.job import run_job

    if HydraConfig.get().mode == RunMode.MULTIRUN:
        return run_job(config, HydraConfig.get())
    try:
        return run_job(config, HydraConfig.get())
    except Exception as error:
        # Raised in here, Hydra would announce it in its own words first.
        _failure.append(error)
        return float("nan")


def _sweep_name(arguments: list[str]) -> str:
    """The name given by sweep=NAME, else one made of what is swept, so that the same command is the same sweep."""
    overrides = sorted(argument for argument in arguments if not argument.startswith("-") and not argument.startswith("hydra."))
    for override in overrides:
        if override.startswith("sweep="):
            return override.removeprefix("sweep=")
    swept = [override.partition("=")[0].rpartition(".")[2] for override in overrides if "," in override or "(" in override]
    return "-".join([*swept, hashlib.sha256("\n".join(overrides).encode()).hexdigest()[:6]])
