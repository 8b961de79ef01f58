"""A sweep with all that a report on it needs."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd

from lightexp.experiment import Store
from lightexp.report import query
from lightexp.report.artifacts import Artifacts
from lightexp.report.curves import Curve, curves
from lightexp.report.error_bytes import best
from lightexp.report.errors import ReportError
from lightexp.report.groups import Group, Groups, group
from lightexp.report.metrics import KNOWN, Metric
from lightexp.report.nearest import nearest
from lightexp.report.profiles import Records
from lightexp.report.search_front import Trials
from lightexp.report.series import ERROR, NotDrawn, label
from lightexp.report.style import COLOURS
from lightexp.report.weights import LayerWeights, quantized_weights

DENSE_BITS = 32

VALIDATION = KNOWN["val/error"]

SEARCH = ("trials.csv", "objectives.json")
"""What a search leaves in its summary run."""

CONFIG = "config.yaml"

PLACE = "place"
"""A figure that says which row of the frame a run is."""


@dataclass(frozen=True)
class Sweep:
    """frame: of `query.runs`. artifacts: what the runs left. published: curves of others. metric: on the axis of error."""

    frame: pd.DataFrame
    artifacts: Artifacts
    published: Sequence[Curve] = ()
    metric: Metric = ERROR

    @classmethod
    def gather(cls, uri: str, *names: str | None, published: Path | None = None, metric: str = ERROR.name) -> "Sweep":
        """The sweep of that name, or several as one; or the latest, or all single runs where there is none.

        Raises:
            ReportError: no such sweep, a metric that no run has logged, or published curves of something else.
        """
        frame = query.runs(uri, *names)
        if published and metric != ERROR.name:
            raise ReportError(f"published curves are of {ERROR.heading}: leave out --metric or --published")
        return cls(frame, Artifacts(uri), curves(published, frame) if published else (), _metric(frame, metric))

    @property
    def name(self) -> str | None:
        """None where the runs belong to no sweep."""
        names = self.frame["tag.sweep"].dropna().unique() if "tag.sweep" in self.frame else []
        return str(names[0]) if len(names) == 1 else None

    @cached_property
    def groups(self) -> Groups:
        return group(self.frame.assign(**{PLACE: np.arange(len(self.frame))}))

    def runs(self, of: Group) -> list[str]:
        """Ids of a setting's runs."""
        return self.frame["run_id"].iloc[of.figure(PLACE).astype(int)].tolist()

    @cached_property
    def counted(self) -> list[str]:
        """Ids of all runs that the sweep's table counts: finished, and superseded by none."""
        return [run for one in self.groups.compressed for run in self.runs(one)]

    @cached_property
    def records(self) -> Records:
        """Of the settings that no other one beats, or some of them from end to end if they are many.

        The test error chooses nothing: in its place stands that of the validation split.
        """
        front = best(self.groups, VALIDATION if self.metric == ERROR and VALIDATION.name in self.frame else self.metric)
        places = np.unique(np.linspace(0, len(front) - 1, min(len(front), len(COLOURS))).round().astype(int))
        chosen = {id(front[place]) for place in places}
        shown = [one for one in self.groups.compressed if id(one) in chosen]  # in that order they have the other pictures' colours
        names = [name for name in self.groups.settings if len({one.settings[name] for one in shown}) > 1]
        return {label(one, names) or "compressed": [self.artifacts.record(run) for run in self.runs(one)] for one in shown}

    def weights(self) -> list[LayerWeights]:
        """Of the quantized run with the lowest validation error, and of these that of the smallest file.

        Raises:
            NotDrawn: nothing is quantized, or the stages were not kept.
        """
        known = all(name in self.frame for name in ("bits/weight", "val/error", "size/file_bytes"))
        quantized = self.frame[self.frame["bits/weight"] < DENSE_BITS] if known else self.frame.iloc[:0]
        finished = quantized[quantized["run_id"].isin(self.counted)].sort_values(["val/error", "size/file_bytes"])
        if finished.empty:
            raise NotDrawn("no run quantizes its weights")
        run = finished.iloc[0]
        if not isinstance(root := run.get("param.cache.root"), str):
            raise NotDrawn("the runs kept no stages (cache=off)")
        file = self.artifacts.read(run["run_id"], "model.lxp")
        return quantized_weights(self.artifacts.record(run["run_id"]), file, Store(root))

    def trials(self) -> Trials:
        """Of the search that the sweep is.

        Raises:
            NotDrawn: it is none.
        """
        summary = self.artifacts.summary(self.name) if self.name else None
        if summary is None or not set(SEARCH) <= self.artifacts.names(summary.info.run_id):
            raise NotDrawn("the runs are not a search's")
        trials, objectives = (self.artifacts.read(summary.info.run_id, name) for name in SEARCH)
        return Trials.read(trials, json.loads(objectives))

    def commands(self) -> list[str]:
        """Those that ran it, as they were typed; none if nothing says so."""
        typed = self.frame["tag.command"].dropna().unique().tolist() if "tag.command" in self.frame else []
        summary = self.artifacts.summary(self.name) if self.name and not typed else None
        kept = summary.data.tags.get("command") if summary else None
        return typed or ([kept] if kept else [])

    def example(self) -> pd.Series:
        """The first run that has finished, or else the first."""
        return self.frame.sort_values("status", key=lambda status: status != "FINISHED", kind="stable").iloc[0]

    def config(self) -> str | None:
        """The resolved config of the example; None where it keeps none, as a run started from Python."""
        run = self.example()["run_id"]
        return self.artifacts.read(run, CONFIG).decode() if CONFIG in self.artifacts.names(run) else None


def _metric(frame: pd.DataFrame, name: str) -> Metric:
    logged = sorted(one for one in frame.select_dtypes("number") if not one.startswith(("tag.", "param.")))
    if name not in logged:
        raise ReportError(f"no run has logged the metric {name!r}{nearest(name, logged)}")
    return KNOWN.get(name, Metric(name, "lower"))
