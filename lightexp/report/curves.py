"""Published curves of error against density, to stand beside one's own."""

from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from lightexp.report.errors import ReportError

NEEDED = ("source", "method", "kept_percent", "error")


class OfOthers(ReportError):
    """The published curves are of other data sets or nets than the runs."""


@dataclass(frozen=True)
class Curve:
    """name: method and source, marked where the figures were not read in the paper itself. density, error: percent."""

    name: str
    density: list[float]
    error: list[float]


def curves(path: Path, frame: pd.DataFrame) -> list[Curve]:
    """The curves of a csv that are of the data set and the net of these runs.

    Columns: source, method, kept_percent, error (percent); where there are dataset and network, these must be the run's choices of
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
    for column, choice in {"dataset": "tag.data", "network": "tag.model"}.items():
        if column in rows and choice in frame:
            here, there = sorted(frame[choice].dropna().unique()), sorted(rows[column].unique())
            rows = rows[rows[column].isin(here)]
            if rows.empty:
                raise OfOthers(f"{path.name} says nothing of {column} {', '.join(here)}, only of {', '.join(there)}")
    several = [name for name in ("dataset", "network") if name in rows and rows[name].nunique() > 1]
    return [
        Curve(_name(found, several), found["kept_percent"].tolist(), found["error"].tolist())
        for _, found in rows.sort_values("kept_percent").groupby([*several, "source", "method"], sort=False)
    ]


def _name(rows: pd.DataFrame, several: list[str]) -> str:
    """What a legend calls a curve."""
    first = rows.iloc[0]
    of = "".join(f", {first[name]}" for name in several)
    checked = set(rows["checked"]) - {"paper"} if "checked" in rows else set()
    return f"{first['method']} ({first['source']}{of}{''.join(f'; {word}' for word in sorted(checked))})"
