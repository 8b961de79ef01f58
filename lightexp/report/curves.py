"""Published curves of error against density or bytes, to stand beside one's own."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path

import pandas as pd
from matplotlib.artist import Artist
from matplotlib.axes import Axes

from lightexp.report.errors import ReportError
from lightexp.report.style import GREY

NEEDED = ("source", "method", "error")
COSTS = {"density": "kept_percent", "file_bytes": "bytes"}
"""What an error is paid with, and its column."""

MARKERS = "xd+v1<2>"


class OfOthers(ReportError):
    """The published curves are of other data sets or nets than the runs."""


@dataclass(frozen=True)
class Curve:
    """name: method and source, marked where the figures were not read in the paper itself. error, density: percent. NaN is what a
    row does not say."""

    name: str
    error: list[float]
    density: list[float]
    file_bytes: list[float]

    def over_density(self) -> tuple[list[float], list[float]]:
        """Those densities that are known, in their order, and the errors there."""
        return _known(self.density, self.error)

    def over_bytes(self) -> tuple[list[float], list[float]]:
        return _known(self.file_bytes, self.error)


def _known(cost: list[float], error: list[float]) -> tuple[list[float], list[float]]:
    found = sorted((x, y) for x, y in zip(cost, error, strict=True) if not math.isnan(x + y))
    return [x for x, _ in found], [y for _, y in found]


def draw_published(axes: Axes, found: Sequence[Curve], over: Callable[[Curve], tuple[list, list]]) -> dict[str, Artist]:
    """Grey and dotted, each with a marker of its own; by their names."""
    theirs = {"color": GREY, "linestyle": ":", "linewidth": 0.9, "zorder": 5}
    return {
        curve.name: axes.plot(*over(curve), marker=marker, **theirs)[0]
        for curve, marker in zip(found, cycle(MARKERS), strict=False)
    }


def curves(path: Path, frame: pd.DataFrame) -> list[Curve]:
    """The curves of a csv that are of the data set and the net of these runs.

    Columns: source, method, error (percent), and kept_percent or bytes; where there are dataset and network, these must be the run's choices of
    data and model; checked: anything but "paper" is said behind the name.

    Raises:
        OfOthers: no row is about these runs.
        ReportError: no such file, or a column that is not there.
    """
    try:
        rows = pd.read_csv(path)
    except (OSError, ValueError) as error:
        raise ReportError(f"{path} cannot be read as a csv: {error}") from error
    if missing := [name for name in NEEDED if name not in rows]:
        raise ReportError(f"{path.name} has no column {missing[0]}: it needs {', '.join(NEEDED)}")
    if not set(COSTS.values()) & set(rows):
        raise ReportError(f"{path.name} has neither of the columns {' and '.join(COSTS.values())}")
    rows = _numbers(rows.fillna({"checked": "paper"}), path)
    for column, choice in {"dataset": "tag.data", "network": "tag.model"}.items():
        if column in rows and choice in frame:
            here, there = sorted(frame[choice].dropna().unique()), sorted(rows[column].dropna().astype(str).unique())
            rows = rows[rows[column].isin(here)]
            if rows.empty:
                raise OfOthers(f"{path.name} says nothing of {column} {', '.join(here)}, only of {', '.join(there)}")
    several = [name for name in ("dataset", "network") if name in rows and rows[name].nunique() > 1]
    methods = rows.groupby("source")["method"].nunique()
    return [
        Curve(
            _name(found, several, alone=methods[found["source"].iloc[0]] == 1),
            found["error"].tolist(),
            **{cost: found[column].tolist() if column in found else [math.nan] * len(found) for cost, column in COSTS.items()},
        )
        for _, found in rows.groupby([*several, "source", "method"], sort=False)
    ]


def _numbers(rows: pd.DataFrame, path: Path) -> pd.DataFrame:
    for column in {"error", *COSTS.values()} & set(rows):
        try:
            rows = rows.assign(**{column: pd.to_numeric(rows[column])})
        except ValueError as error:
            raise ReportError(f"{path.name}: {column} is no number: {error}") from error
    return rows


def _name(rows: pd.DataFrame, several: list[str], alone: bool) -> str:
    """What a legend calls a curve. alone: it is the only method of its source, whose name then tells it."""
    first = rows.iloc[0]
    checked = set(rows["checked"]) - {"paper"} if "checked" in rows else set()
    told = [str(first[name]) for name in several] + sorted(checked)
    named, told = (first["source"], told) if alone else (first["method"], [first["source"], *told])
    return f"{named} ({', '.join(told)})" if told else named
