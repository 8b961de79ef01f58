"""Which settings tell the runs of a sweep apart."""

import re
from collections.abc import Collection, Iterable
from typing import Any

import pandas as pd

from lightexp.report.errors import ReportError
from lightexp.report.nearest import nearest
from lightexp.report.scalars import normal, plain, same

SEED = "param.seed"

TECHNICAL = re.compile(
    r"tag\.(kind|sweep|command|key|net|host|pid|failure|version|code|environment|git_.*|mlflow\..*|cache|tracker)"
    r"|param\.(sweep|device|control|(cache|tracker|hydra)\..*|(.*\.)?(root|directory|dir|download|num_workers))"
)

BUNDLES = ("tag.experiment", "tag.schedule")
"""Config groups whose choices reach beyond their own node, each also into those after it."""


def varying(frame: pd.DataFrame, named: Collection[str] = ()) -> tuple[pd.DataFrame, dict[str, str]]:
    """The settings that vary of themselves, a column each, and those that vary with one of them: name → name of that one.

    Left out are the seed, technical ones, aliases (a param that equals one of shorter name wherever it is present) and
    consequences (what a choice in a config group fixes). Values are plain: None, numbers, text; of a path, its last part.
    named: settings that are wanted in any case, the seed and such as do not vary too.

    Raises:
        ReportError: a named setting that no run has.
    """
    wanted = [column_of(name, frame) for name in named]
    names = [name for name in frame if name.startswith(("tag.", "param.")) and not TECHNICAL.fullmatch(name)]
    names = [name for name in names if frame[name].nunique(dropna=False) > 1] + wanted
    settings = {name: [normal(value) for value in frame[name]] for name in dict.fromkeys(names)}
    settings = {name: values for name, values in settings.items() if name in wanted or len(set(values)) > 1}
    causes: dict[str, str] = {}

    def rank(name: str) -> tuple[Any, ...]:
        return name not in wanted, *_rank(name)

    for name in sorted(settings.keys() - set(wanted), key=rank, reverse=True):
        others = [other for other in settings if other != name and other not in causes and rank(other) < rank(name)]
        found = [other for other in others if _fixes(other, name, settings) or _equals(other, name, settings)]
        if found:
            causes[name] = min(found, key=rank)
    kept = [name for name in settings if name not in causes and (name != SEED or name in wanted)]
    kept.sort(key=lambda name: (all(isinstance(value, int | float) for value in settings[name]), name))
    columns = pd.DataFrame({label(name): settings[name] for name in kept}, index=frame.index, dtype=object)
    return columns, {label(name): label(cause) for name, cause in causes.items() if label(name) != label(cause)}


def column_of(name: str, frame: pd.DataFrame) -> str:
    """The column of a setting.

    Raises:
        ReportError: no run has it.
    """
    for column in (f"tag.{name}", f"param.{name}"):
        if column in frame:
            return column
    known = [label(column) for column in frame if column.startswith(("tag.", "param.")) and not TECHNICAL.fullmatch(column)]
    raise ReportError(f"no run has a setting {name!r}{nearest(name, known)}")


def chosen(frame: pd.DataFrame, where: dict[str, tuple[Any, ...]]) -> pd.DataFrame:
    """The runs whose settings have one of the values wanted.

    Raises:
        ReportError: no run has the setting, or one of the values.
    """
    for name, wanted in where.items():
        values = [normal(value) for value in frame[column_of(name, frame)]]
        there = list(dict.fromkeys(values))
        for value in wanted:
            if not any(same(value, other) for other in there):
                raise ReportError(f"no run has {name} {plain(normal(value))}{nearest(plain(value), map(plain, there))}")
        fitting = {other for other in there if any(same(value, other) for value in wanted)}
        frame = frame[[value in fitting for value in values]]
    return frame


def label(name: str) -> str:
    """The name of a setting as the user writes it on the command line."""
    return name.partition(".")[2]


def order(values: Iterable[Any]) -> tuple[Any, ...]:
    """A key to sort by: what is absent, then numbers by size, then text."""
    return tuple((0, 0, "") if v is None else (2, 0, v) if isinstance(v, str) else (1, v, "") for v in values)


def determines(cause: list[Any], effect: list[Any]) -> bool:
    """Whether each value of the one goes with one value of the other."""
    return len(set(zip(cause, effect, strict=True))) == len(set(cause))


def _rank(name: str) -> tuple[Any, ...]:
    """Which of two names for one thing to keep: the lower."""
    return name != SEED, BUNDLES.index(name) if name in BUNDLES else len(BUNDLES), len(name), name


def _fixes(group: str, name: str, settings: dict[str, list[Any]]) -> bool:
    """Whether the choice in the config group says what the other setting is."""
    if not group.startswith("tag."):
        return False
    own = name.startswith("param.") and label(group) in label(name).split(".")
    return (own or group in BUNDLES) and determines(settings[group], settings[name])


def _equals(other: str, name: str, settings: dict[str, list[Any]]) -> bool:
    """Whether the param is one of better name wherever it is present, which must be the same for every choice of config."""
    if not (other.startswith("param.") and name.startswith("param.")):
        return False
    if any(value not in (None, same) for value, same in zip(settings[name], settings[other], strict=True)):
        return False
    present = [value is not None for value in settings[name]]
    tags = [settings[tag] for tag in settings if tag.startswith("tag.")]
    return all(present) or any(determines(tag, present) for tag in tags)
