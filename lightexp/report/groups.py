"""Runs that differ by their seed alone, taken together."""

import math
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from lightexp.report.errors import ReportError
from lightexp.report.settings import SEED, determines, order, varying

CONTROL = {
    "test/error": "test/dense_error",
    "size/file_bytes": "size/original_bytes",
}
"""Figures of a run's dense control, and where the run has them."""


Settings = tuple[Any, ...]


@dataclass(frozen=True, eq=False)
class Group:
    """Runs of the same settings, one a seed.

    settings: name → value, None where it does not apply. seeds: of the runs that finished. figures: metric → values in the
    order of the seeds, NaN where a run lacks it. lost: status → how many runs came to nothing. dense: whether these are the
    dense controls of runs; then they have an error, bytes, a ratio of 1 and 32 bits a weight.
    """

    settings: dict[str, Any]
    seeds: list[Any]
    figures: dict[str, np.ndarray]
    lost: dict[str, int] = field(default_factory=dict)
    dense: bool = False

    def figure(self, metric: str) -> np.ndarray:
        """The metric of each run, NaN where it is lacking."""
        return self.figures.get(metric, np.full(len(self.seeds), np.nan))

    def mean_sd(self, metric: str) -> tuple[float | None, float | None]:
        """Mean and sample standard deviation (n - 1) over the runs that have the metric; None where these are too few."""
        values = self.figure(metric)
        values = values[~np.isnan(values)]
        if not len(values):
            return None, None
        # From the first value on, so that the mean of equal values is that value.
        mean = values[0] + float(np.mean(values - values[0]))
        return float(mean), math.sqrt(float(np.sum((values - mean) ** 2)) / (len(values) - 1)) if len(values) > 1 else None


@dataclass(frozen=True)
class Groups:
    """A sweep. settings: what varies. controls, compressed: sorted by their settings. notes: what a reader must know."""

    settings: list[str]
    controls: list[Group]
    compressed: list[Group]
    notes: list[str]


def group(frame: pd.DataFrame) -> Groups:
    """Take the runs of `query.runs` apart by their settings, with the dense controls as groups of their own.

    Of runs with the same settings and seed the newest finished one counts, or the newest if none has finished. A run counts as
    finished if it has a test error; "test/delta" is what that error has more than its own control's, in percentage points.
    """
    if frame.empty:
        raise ReportError("there are no runs to make a table of")
    frame = frame.reset_index(drop=True)
    error, dense = (frame[name] if name in frame else float("nan") for name in ("test/error", "test/dense_error"))
    frame = frame.assign(**{"test/delta": error - dense, "done": (frame["status"] == "FINISHED") & pd.notna(error)})
    columns, causes = varying(frame)
    names = list(columns)
    frame["settings"] = [tuple(row) for row in columns.to_numpy()]
    frame["seed"] = frame[SEED] if SEED in frame else frame["run_id"]
    newest = frame.sort_values(["done", "started"]).drop_duplicates(["settings", "seed"], keep="last")
    finished = newest[newest["done"]]
    compressed = _groups(names, finished, _lost(newest[~newest["done"]]))
    # Of a schedule the order of its stages is the definition, not a consequence worth a note.
    known = [(name, cause) for name, cause in causes.items() if cause != "seed" and "." not in name and name != "order"]
    notes = [f"{name} varies with {cause}." for name, cause in known]
    return Groups(names, _controls(names, finished), compressed, notes + _notes(frame, finished, compressed))


def _lost(runs: pd.DataFrame) -> dict[Settings, Counter[str]]:
    lost: dict[Settings, Counter[str]] = {}
    for settings, status in zip(runs["settings"], runs["status"].str.lower(), strict=True):
        lost.setdefault(settings, Counter())["unmeasured" if status == "finished" else status] += 1
    return lost


def _groups(names: list[str], runs: pd.DataFrame, lost: dict[Settings, Counter[str]], dense: bool = False) -> list[Group]:
    places: dict[Settings, list[int]] = {settings: [] for settings in lost}
    for place, settings in enumerate(runs["settings"]):
        places.setdefault(settings, []).append(place)
    seeds = runs["seed"].to_numpy()
    figures = {name: values.to_numpy(float) for name, values in runs.select_dtypes("number").items()}
    return [
        Group(
            dict(zip(names, settings, strict=True)),
            seeds[chosen].tolist(),
            {name: values[chosen] for name, values in figures.items()},
            dict(lost.get(settings, {})),
            dense,
        )
        for settings, chosen in sorted(places.items(), key=lambda item: order(item[0]))
    ]


def _controls(names: list[str], runs: pd.DataFrame) -> list[Group]:
    """The dense controls, by those settings alone that make a difference to them."""
    if "test/dense_error" not in runs:
        return []
    runs = runs.dropna(subset="test/dense_error")
    figures = {name: runs[source] for name, source in CONTROL.items() if source in runs}
    effects = list(zip(*figures.values(), strict=True))
    kept = list(range(len(names)))
    for place in reversed(range(len(names))):
        others = [other for other in kept if other != place]
        causes = [(*(row[i] for i in others), seed) for row, seed in zip(runs["settings"], runs["seed"], strict=True)]
        if determines(causes, effects):
            kept = others
    settings = [tuple(value if i in kept else None for i, value in enumerate(row)) for row in runs["settings"]]
    constant = {"size/ratio": 1.0, "bits/weight": 32.0}
    controls = pd.DataFrame({**figures, **constant, "seed": runs["seed"]}, index=runs.index).assign(settings=settings)
    return _groups(names, controls.drop_duplicates(["settings", "seed"]), {}, dense=True)


def _notes(frame: pd.DataFrame, finished: pd.DataFrame, compressed: list[Group]) -> list[str]:
    notes = []
    older = int(frame["done"].sum()) - len(finished)
    if older:
        notes.append(f"Left out: {older} older run{'s' * (older > 1)} of the same settings and seed.")
    if len({frozenset(one.seeds) for one in compressed if one.seeds}) > 1:
        notes.append("The rows do not all rest on the same seeds.")
    return notes
