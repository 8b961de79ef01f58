"""All pictures of a sweep that its runs allow."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from lightexp.experiment import Store
from lightexp.report.artifacts import Artifacts
from lightexp.report.curves import Curve
from lightexp.report.error_bytes import best, error_bytes_figure
from lightexp.report.error_density import error_density_figure
from lightexp.report.errors import ReportError
from lightexp.report.groups import Group, Groups, group
from lightexp.report.metrics import KNOWN, Metric
from lightexp.report.nearest import nearest
from lightexp.report.profiles import Records, layer_profiles, stage_profiles
from lightexp.report.ranking import ranking_figure
from lightexp.report.search_front import Trials, search_front_figure
from lightexp.report.series import ERROR, NotDrawn, label
from lightexp.report.style import COLOURS
from lightexp.report.weights import quantized_weights, weights_figure

DENSE_BITS = 32

TRIALS = "trials.csv"
"""What a search leaves in its summary run."""

PLACE = "place"
"""A figure that says which row of the frame a run is."""


@dataclass(frozen=True)
class Sweep:
    """What pictures are made of. frame: of `query.runs`. artifacts: what the runs left. published: curves of others. metric: on
    the axis of error."""

    frame: pd.DataFrame
    artifacts: Artifacts
    published: Sequence[Curve] = ()
    metric: Metric = ERROR

    @cached_property
    def groups(self) -> Groups:
        return group(self.frame.assign(**{PLACE: np.arange(len(self.frame))}))

    def runs(self, of: Group) -> list[str]:
        """Ids of a setting's runs."""
        return self.frame["run_id"].iloc[of.figure(PLACE).astype(int)].tolist()

    @cached_property
    def records(self) -> Records:
        """Of the settings that no other one beats, or some of them from end to end if they are many."""
        front = best(self.groups, self.metric)
        places = np.unique(np.linspace(0, len(front) - 1, min(len(front), len(COLOURS))).round().astype(int))
        shown = [front[place] for place in places]
        names = [name for name in self.groups.settings if len({one.settings[name] for one in shown}) > 1]
        return {label(one, names) or "compressed": [self.artifacts.record(run) for run in self.runs(one)] for one in shown}

    def weights(self) -> Figure:
        """Of the quantized run with the lowest validation error, and of these that of the smallest file."""
        known = [name in self.frame for name in ("bits/weight", "val/error", "size/file_bytes")]
        quantized = self.frame[self.frame["bits/weight"] < DENSE_BITS] if all(known) else self.frame.iloc[:0]
        finished = quantized[quantized["status"] == "FINISHED"].sort_values(["val/error", "size/file_bytes"])
        if finished.empty:
            raise NotDrawn("no run quantizes its weights")
        run = finished.iloc[0]
        root = run.get("param.cache.root")
        if not isinstance(root, str):
            raise NotDrawn("the runs kept no stages (cache=off)")
        file = self.artifacts.read(run["run_id"], "model.lxp")
        return weights_figure(quantized_weights(self.artifacts.record(run["run_id"]), file, Store(root)))

    def search_front(self) -> Figure:
        names = self.frame["tag.sweep"].dropna().unique() if "tag.sweep" in self.frame else []
        summary = self.artifacts.summary(names[0]) if len(names) == 1 else None
        if summary is None or TRIALS not in self.artifacts.names(summary.info.run_id):
            raise NotDrawn("the runs are not a search's")
        return search_front_figure(Trials.read(self.artifacts.read(summary.info.run_id, TRIALS)))


def metric_of(frame: pd.DataFrame, name: str) -> Metric:
    """The metric of this name.

    Raises:
        ReportError: no run has logged it.
    """
    logged = sorted(one for one in frame.select_dtypes("number") if not one.startswith(("tag.", "param.")))
    if name not in logged:
        raise ReportError(f"no run has logged the metric {name!r}{nearest(name, logged)}")
    return KNOWN.get(name, Metric(name, "lower"))


@dataclass(frozen=True)
class Picture:
    """name: of its file. caption: what a reader needs to know."""

    name: str
    caption: str
    draw: Callable[[Sweep], Figure]


FRONT = "the settings on the Pareto front of error and bytes (six of them from end to end, if they are more), means over seeds"

OF_RUNS = [
    Picture(
        "error_bytes",
        "Test error against the size of the file. Small rings are runs, marks with bars are means over seeds with their standard "
        "deviation. Pale settings are beaten by another one in both error and bytes; the grey staircase leads over the rest.",
        lambda sweep: error_bytes_figure(sweep.groups, sweep.metric),
    ),
    Picture(
        "error_density",
        "Test error against the share of weights that are not 0. Small rings are runs, marks with bars are means over seeds with "
        "their standard deviation. Dotted curves are published ones, as their authors count.",
        lambda sweep: error_density_figure(sweep.groups, sweep.published, sweep.metric),
    ),
    Picture(
        "ranking",
        "Test error of each setting, the best on top. Small rings are runs, bars the standard deviation over seeds.",
        lambda sweep: ranking_figure(sweep.groups, sweep.metric),
    ),
]
"""Pictures that need the figures of the runs alone."""

OF_FILES = [
    Picture(
        "stages",
        f"Validation error and size of the file after each stage: {FRONT}.",
        lambda sweep: stage_profiles(sweep.records),
    ),
    Picture(
        "layers",
        f"What was kept of each layer, in how many bits and bytes: {FRONT}. A cross is a layer that kept no weight.",
        lambda sweep: layer_profiles(sweep.records),
    ),
    Picture(
        "weights",
        "Weights that are not 0 of the quantized run with the lowest validation error, in its largest layers: their histogram "
        "before they were quantized, the values that share them in the file with how many weights have each, and the values "
        "that the quantizer first chose.",
        Sweep.weights,
    ),
    Picture(
        "search_front",
        "All trials of the search, and the front of its two objectives after a quarter, a half and all of them. Below, the area "
        "that the trials so far dominate, in percent of what all of them do.",
        Sweep.search_front,
    ),
]
"""Pictures that also need files that the runs left."""


def drawn(sweep: Sweep, pictures: Sequence[Picture]) -> Iterator[tuple[Picture, Figure | ReportError]]:
    """Each picture with its figure, or with what the runs lack for it."""
    for picture in pictures:
        try:
            yield picture, picture.draw(sweep)
        except ReportError as lack:
            yield picture, lack
