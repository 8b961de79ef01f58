"""A composed config made into an `Experiment`."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from hydra.utils import instantiate
from omegaconf import DictConfig, OmegaConf

from lightexp.compose.resolvers import conf_folder
from lightexp.errors import ConfigError
from lightexp.experiment import Experiment, Store

READ = (
    "data",
    "model",
    "stages",
    "order",
    "seed",
    "control",
    "coder",
    "latency",
    "trainer",
    "device",
    "cache",
    "tracker",
    "sweep",
)
SHARED = (
    "augment",
    "training_set",
    "teacher",
    "criterion",
    "allocation",
    "calibration",
    "sensitivity",
    "quantizer",
    "activation",
    "factorization",
    "rank",
    "amount",
    "loss",
    "optimizer",
    "rate",
    "sparsity",
    "epochs",
    "tune_epochs",
    "teacher_epochs",
    "batch_size",
    "precision",
    "accumulate",
    "clip",
    "average",
)
"""Top-level nodes that stages and data refer to by interpolation."""


def experiment(config: DictConfig, directory: Path | None = None) -> Experiment:
    """Make the experiment that a config describes, complaining about whatever could only be noticed later.

    Raises:
        ConfigError: a key at the top that nothing reads. Hydra's and pydantic's own errors pass; `errors.explain` reads them.
    """
    unread = [str(key) for key in config if key not in READ + SHARED and not _is_read(config, str(key))]
    if unread:
        raise ConfigError(f"nothing reads the config's {unread[0]!r}: {_why_unread(unread[0])}")
    root = config.cache.root
    return Experiment(
        data=_make(config, "data"),
        model=_make(config, "model"),
        stages={str(name): _make(config, f"stages.{name}") for name in config.get("stages") or {}},
        order=None if config.get("order") is None else list(config.order),
        seed=config.seed,
        control=config.control,
        coder=_make(config, "coder"),
        latency=_make(config, "latency") if config.get("latency") else None,
        trainer=_make(config, "trainer"),
        store=None if root is None else Store(root),
        directory=directory,
        device=config.device,
    )


def tracker(config: DictConfig, **options: Any) -> Any:
    """The observer that tracks the run, or None for `tracker=none`."""
    return instantiate(config.tracker, **options, _convert_="all") if config.tracker else None


def scalars(config: DictConfig) -> dict[str, Any]:
    """The resolved scalars of a config by dotted name; what stands there by reference to a whole node is left to that node.

    `_partial_` and `_convert_`, which say how Hydra makes an object and nothing of it, are left out.
    """
    return {name: value for name, value in _scalars(config, "") if not name.endswith(("_partial_", "_convert_"))}


def _scalars(node: DictConfig, prefix: str) -> Iterator[tuple[str, Any]]:
    for key in node:
        value, name = node[key], f"{prefix}{key}"
        if isinstance(value, DictConfig):
            if not OmegaConf.is_interpolation(node, key):
                yield from _scalars(value, f"{name}.")
        else:
            yield name, OmegaConf.to_container(value, resolve=True) if OmegaConf.is_config(value) else value


def _make(config: DictConfig, path: str) -> Any:
    node = OmegaConf.select(config, path, throw_on_missing=True)
    if not isinstance(node, DictConfig) or "_target_" not in node:
        raise ConfigError(
            f"{path} has no _target_ that says what it is: choose one of the group's configs, or set {path}._target_"
        )
    return instantiate(node, _convert_="all")


def _why_unread(key: str) -> str:
    if key == "experiment":
        return "a file of experiment/ must begin with the line `# @package _global_`"
    if (conf_folder() / key).is_dir():
        return f"a config chooses one of a group among its defaults, as `- override /{key}: NAME`"
    return f"misspelt? There are: {', '.join(READ + SHARED)}"


def _is_read(config: DictConfig, key: str) -> bool:
    """Whether a key of the user's own is referred to from somewhere, as a shared value of his configs."""
    return re.search(rf"\$\{{{re.escape(key)}[.\[}}]", OmegaConf.to_yaml(config, resolve=False)) is not None
