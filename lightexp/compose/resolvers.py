"""What a config can ask for beyond its own text, and where the configs are."""

import os
from pathlib import Path

from omegaconf import OmegaConf

import lightexp


def conf_folder() -> Path:
    """The configs: inside the installed package, or at the top of a checkout."""
    package = Path(lightexp.__file__).parent
    inside = package / "conf"
    return inside if inside.is_dir() else package.parent / "conf"


def cores() -> int:
    """Processors that this process may use; of a cluster's machine those that the job asked for."""
    if asked := os.environ.get("SLURM_CPUS_PER_TASK"):
        return int(asked)
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def tracking_uri() -> str:
    """MLFLOW_TRACKING_URI, else mlflow.db in the working directory: where `mlflow ui` looks too."""
    return os.environ.get("MLFLOW_TRACKING_URI") or f"sqlite:///{Path('mlflow.db').absolute()}"


def register() -> None:
    OmegaConf.register_new_resolver("data_root", lambda: os.environ.get("LIGHTEXP_DATA", "data"), replace=True)
    OmegaConf.register_new_resolver("tracking_uri", tracking_uri, replace=True)
    OmegaConf.register_new_resolver("cores", cores, replace=True)
    OmegaConf.register_new_resolver("sum", lambda *numbers: sum(numbers), replace=True)
