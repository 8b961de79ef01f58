"""Which settings tell the runs of a sweep apart."""

import re
from collections.abc import Iterable
from pathlib import PurePath
from typing import Any

import pandas as pd

SEED = "param.seed"

TECHNICAL = re.compile(
    r"tag\.(kind|sweep|key|net|host|pid|failure|git_.*|mlflow\..*|cache|tracker)"
    r"|param\.(sweep|device|control|(cache|tracker|hydra)\..*|(.*\.)?(root|directory|dir|download|num_workers))"
)

BUNDLES = ("tag.experiment", "tag.schedule")
"""Config groups whose choices reach beyond their own node, each also into those after it."""


def varying(frame: pd.DataFrame) -> tuple[pd.DataFrame, dict[str, str]]:
    """The settings that vary of themselves, a column each, and those that vary with one of them: name → name of that one.

    Left out are the seed, technical ones, aliases (a param that equals one of shorter name wherever it is present) and
    consequences (what a choice in a config group fixes). Values are plain: None, numbers, text; of a path, its last part.
    """
    names = [name for name in frame if name.startswith(("tag.", "param.")) and not TECHNICAL.fullmatch(name)]
    settings = {name: [_plain(value) for value in frame[name]] for name in names if frame[name].nunique(dropna=False) > 1}
    settings = {name: values for name, values in settings.items() if len(set(values)) > 1}
    causes: dict[str, str] = {}
    for name in sorted(settings, key=_rank, reverse=True):
        others = [other for other in settings if other != name and other not in causes]
        found = [other for other in others if _fixes(other, name, settings) or _equals(other, name, settings)]
        if found:
            causes[name] = min(found, key=_rank)
    kept = [name for name in settings if name not in causes and name != SEED]
    kept.sort(key=lambda name: (all(isinstance(value, int | float) for value in settings[name]), name))
    columns = pd.DataFrame({label(name): settings[name] for name in kept}, index=frame.index, dtype=object)
    return columns, {label(name): label(cause) for name, cause in causes.items() if label(name) != label(cause)}


def label(name: str) -> str:
    """The name of a setting as the user writes it on the command line."""
    return name.partition(".")[2]


def order(values: Iterable[Any]) -> tuple[Any, ...]:
    """A key to sort by: what is absent, then numbers by size, then text."""
    return tuple((0, 0, "") if v is None else (2, 0, v) if isinstance(v, str) else (1, v, "") for v in values)


def determines(cause: list[Any], effect: list[Any]) -> bool:
    """Whether each value of the one goes with one value of the other."""
    return len(set(zip(cause, effect, strict=True))) == len(set(cause))


def _plain(value: Any) -> Any:
    if pd.isna(value):
        return None
    if isinstance(value, bool):
        return str(value).lower()
    return PurePath(value).name if isinstance(value, str) and value.startswith("/") else value


def _rank(name: str) -> tuple[Any, ...]:
    """Which of two names for one thing to keep: the lower."""
    return name != SEED, BUNDLES.index(name) if name in BUNDLES else len(BUNDLES), len(name), name


def _fixes(group: str, name: str, settings: dict[str, list[Any]]) -> bool:
    """Whether the choice in the config group says what the other setting is."""
    if not group.startswith("tag.") or _rank(group) > _rank(name):
        return False
    own = name.startswith("param.") and label(group) in label(name).split(".")
    return (own or group in BUNDLES) and determines(settings[group], settings[name])


def _equals(other: str, name: str, settings: dict[str, list[Any]]) -> bool:
    """Whether the param is one of better name wherever it is present, which must be the same for every choice of config."""
    if not (other.startswith("param.") and name.startswith("param.")) or _rank(other) > _rank(name):
        return False
    if any(value not in (None, same) for value, same in zip(settings[name], settings[other], strict=True)):
        return False
    present = [value is not None for value in settings[name]]
    tags = [settings[tag] for tag in settings if tag.startswith("tag.")]
    return all(present) or any(determines(tag, present) for tag in tags)
