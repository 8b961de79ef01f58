"""Runs that differ by their seed alone, taken together."""

import math
import textwrap
from collections import Counter, defaultdict
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from lightexp.report.errors import ReportError
from lightexp.report.settings import SEED, column_of, determines, order, varying

CONTROL = {
    "test/error": "test/dense_error",
    "size/file_bytes": "size/original_bytes",
    "latency/batch_1_p50_ms": "latency/batch_1_dense_ms",
    "latency/batch_64_p50_ms": "latency/batch_64_dense_ms",
}
"""Figures of a run's dense control, and where the run has them."""


Settings = tuple[Any, ...]


@dataclass(frozen=True, eq=False)
class Group:
    """Runs of the same settings, one a seed.

    settings: name → value, None where it does not apply. seeds: of the runs that finished. figures: metric → values in the
    order of the seeds, NaN where a run lacks it. lost: status → how many runs came to nothing; those that are "missing" were
    never started, though another group of their sweep has their seed. versions: of the code that made them. dense: whether these are the
    dense controls of runs; then they have an error, bytes, a ratio of 1 and 32 bits a weight.
    """

    settings: dict[str, Any]
    seeds: list[Any]
    figures: dict[str, np.ndarray]
    lost: dict[str, int] = field(default_factory=dict)
    versions: frozenset[str] = frozenset()
    dense: bool = False

    def figure(self, metric: str) -> np.ndarray:
        """The metric of each run, NaN where it is lacking."""
        found = self.figures.get(metric)
        return np.full(len(self.seeds), np.nan) if found is None else found

    def values(self, metric: str) -> list[float]:
        """The metric of the runs that have it."""
        return [value for value in self.figure(metric).tolist() if not math.isnan(value)]

    def by_seed(self, metric: str) -> dict[Any, float]:
        """Seed → the metric, of the runs that have it."""
        pairs = zip(self.seeds, self.figure(metric).tolist(), strict=True)
        return {seed: value for seed, value in pairs if not math.isnan(value)}

    def mean_sd(self, metric: str) -> tuple[float | None, float | None]:
        """Mean and sample standard deviation (n − 1) over the runs that have the metric; None where these are too few."""
        values = self.values(metric)
        if not values:
            return None, None
        # From the first value on, so that the mean of equal values is that value.
        mean = values[0] + sum(value - values[0] for value in values) / len(values)
        return mean, math.sqrt(sum((value - mean) ** 2 for value in values) / (len(values) - 1)) if len(values) > 1 else None


@dataclass(frozen=True)
class Groups:
    """A sweep. settings: what varies. controls, compressed: sorted by their settings. version: of the code of the newest run.
    notes: what a reader must know."""

    settings: list[str]
    controls: list[Group]
    compressed: list[Group]
    version: str
    notes: list[str]


def group(frame: pd.DataFrame, named: Collection[str] = ()) -> Groups:
    """Take the runs of `query.runs` apart by their settings, with the dense controls as groups of their own.

    named: settings that are wanted though they do not vary, or the seed. Of runs with the same settings and seed the newest
    finished one counts, or the newest if none has finished. A run counts as finished if it has a test error.

    Raises:
        ReportError: no runs, or a named setting that none of them has.
    """
    if frame.empty:
        raise ReportError("there are no runs to make a table of")
    frame = frame.reset_index(drop=True)
    error = frame["test/error"] if "test/error" in frame else float("nan")
    columns, causes = varying(frame, named)
    names = list(columns)
    derived = {
        "done": (frame["status"] == "FINISHED") & pd.notna(error),
        "settings": list(columns.itertuples(index=False, name=None)) if names else [()] * len(frame),
        "seed": frame[SEED] if SEED in frame else frame["run_id"],
        "version": _versions(frame),
    }
    frame = pd.concat([frame, pd.DataFrame(derived, index=frame.index)], axis=1)
    newest = frame.sort_values(["done", "started"]).drop_duplicates(["settings", "seed"], keep="last")
    finished = newest[newest["done"]]
    compressed = _groups(names, finished, _lost(newest, by_seed=SEED in frame and "seed" not in names))
    # Of a schedule the order of its stages is the definition, not a consequence worth a note.
    known = [(name, cause) for name, cause in causes.items() if cause != "seed" and "." not in name and name != "order"]
    # What some runs have and others lack is said by that which decides it.
    told = [(name, cause) for name, cause in known if frame[column_of(name, frame)].nunique() > 1]
    notes = [f"{name} varies with {cause}." for name, cause in told]
    version = frame.loc[frame["started"].idxmax(), "version"]
    return Groups(names, _controls(names, finished), compressed, version, notes + _notes(frame, finished, compressed))


def _versions(frame: pd.DataFrame) -> list[str]:
    """The version of lightexp that made each run, and of the code that decides results, as far as the run says."""
    parts = [frame[name].fillna("unknown") for name in ("tag.version", "tag.code") if name in frame]
    return [" ".join(map(str, texts)) for texts in zip(*parts, strict=True)] if parts else ["unknown"] * len(frame)


def _lost(newest: pd.DataFrame, by_seed: bool) -> dict[Settings, Counter[str]]:
    """Runs that came to nothing; by_seed: with those of seeds that other settings of their sweep have."""
    lost: dict[Settings, Counter[str]] = {settings: Counter() for settings in newest["settings"]}
    failed = newest[~newest["done"]]
    for settings, status in zip(failed["settings"], failed["status"].str.lower(), strict=True):
        lost[settings]["unmeasured" if status == "finished" else status] += 1
    if by_seed:
        sweeps = newest["tag.sweep"].fillna("") if "tag.sweep" in newest else [""] * len(newest)
        seeds, homes = defaultdict(set), defaultdict(set)
        for settings, sweep, seed in zip(newest["settings"], sweeps, newest["seed"], strict=True):
            homes[settings].add(sweep)
            if sweep:  # nobody asked single runs for the seeds of others
                seeds[sweep].add(seed)
        for settings, there in Counter(newest["settings"]).items():
            if (missing := len(set().union(*(seeds[sweep] for sweep in homes[settings]))) - there) > 0:
                lost[settings]["missing"] = missing
    return lost


def _groups(names: list[str], runs: pd.DataFrame, lost: dict[Settings, Counter[str]], dense: bool = False) -> list[Group]:
    places: dict[Settings, list[int]] = {settings: [] for settings in lost}
    for place, settings in enumerate(runs["settings"]):
        places.setdefault(settings, []).append(place)
    seeds, versions = runs["seed"].to_numpy(), runs["version"].to_numpy()
    figures = {name: values.to_numpy(float) for name, values in runs.select_dtypes("number").items()}
    return [
        Group(
            dict(zip(names, settings, strict=True)),
            seeds[chosen].tolist(),
            {name: values[chosen] for name, values in figures.items()},
            dict(lost.get(settings, {})),
            frozenset(versions[chosen]),
            dense,
        )
        for settings, chosen in sorted(places.items(), key=lambda item: order(item[0]))
    ]


def _controls(names: list[str], runs: pd.DataFrame) -> list[Group]:
    """The dense controls, by those settings alone that make a difference to them, and the seed if it is one."""
    if "test/dense_error" not in runs:
        return []
    runs = runs.dropna(subset="test/dense_error")
    figures = {name: runs[source] for name, source in CONTROL.items() if source in runs}
    # A latency is another one each time that it is measured.
    effects = list(zip(*(values for name, values in figures.items() if not name.startswith("latency/")), strict=True))
    kept = list(range(len(names)))
    # What a net is tells more than in which experiment it stands.
    places = sorted(kept, key=lambda place: (names[place] not in ("experiment", "schedule"), -place))
    for place in (place for place in places if names[place] != "seed"):
        others = [other for other in kept if other != place]
        causes = [(*(row[i] for i in others), seed) for row, seed in zip(runs["settings"], runs["seed"], strict=True)]
        if determines(causes, effects):
            kept = others
    settings = [tuple(value if i in kept else None for i, value in enumerate(row)) for row in runs["settings"]]
    known = {"size/ratio": 1.0, "bits/weight": 32.0, "seed": runs["seed"], "version": runs["version"]}
    controls = pd.DataFrame({**figures, **known}, index=runs.index).assign(settings=settings)
    return _groups(names, controls.drop_duplicates(["settings", "seed"]), {}, dense=True)


def _notes(frame: pd.DataFrame, finished: pd.DataFrame, compressed: list[Group]) -> list[str]:
    notes = [_commands(name, runs) for name, runs in _by_sweep(frame) if runs["tag.command"].map(_but_seeds).nunique() > 1]
    if running := sum(one.lost.get("running", 0) for one in compressed):
        notes.append(f"Unfinished: {running} running yet, or killed; the same command goes on with it.")
    older = int(frame["done"].sum()) - len(finished)
    if older:
        notes.append(f"Left out: {older} older run{'s' * (older > 1)} of the same settings and seed.")
    if len({frozenset(one.seeds) for one in compressed if one.seeds}) > 1:
        notes.append("The rows do not all rest on the same seeds.")
    return notes


def _by_sweep(frame: pd.DataFrame) -> Iterator[tuple[str, pd.DataFrame]]:
    if {"tag.sweep", "tag.command"} <= set(frame):
        yield from frame.groupby("tag.sweep")


def _but_seeds(command: str) -> str:
    """More seeds of the same are no other sweep."""
    return " ".join(word for word in str(command).split() if not word.startswith("seed="))


def _commands(sweep: str, runs: pd.DataFrame) -> str:
    """That a name was given to several sweeps, which may be meant."""
    texts = [
        f"`{textwrap.shorten(command, 90)}` ({count})"
        for command, count in runs["tag.command"].map(_but_seeds).value_counts().items()
    ]
    return f"The sweep {sweep} has runs of {len(texts)} commands: {'; '.join(texts[:3])}{'; …' * (len(texts) > 3)}."
