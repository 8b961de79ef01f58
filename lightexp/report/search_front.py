"""How the front of a search moved while it went on."""

import io
from dataclasses import dataclass, replace

import matplotlib
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from lightexp.report.front import Point, hypervolume, on_front
from lightexp.report.metrics import KNOWN, Metric
from lightexp.report.series import NotDrawn, axis_title
from lightexp.report.style import BLACK, BLUE, GREY, ORANGE, SKY, STYLE, log_axis, new_figure, spans_decade
from lightexp.track.metrics import METRICS

FRONTS = {0.25: (SKY, ":", "^"), 0.5: (ORANGE, "--", "s"), 1.0: (BLUE, "-", "o")}
"""Shares of the trials, and how the front after them looks."""

FEWEST = 4


@dataclass(frozen=True)
class Trials:
    """The trials of a search that came to their end, in their order. x, y: its two objectives. points: both of each trial."""

    x: Metric
    y: Metric
    points: list[Point]

    @classmethod
    def read(cls, csv: bytes, objectives: dict[str, str]) -> "Trials":
        """From what a search leaves: its trials.csv (trial, state, settings, objectives), and which way each objective is better.

        Raises:
            NotDrawn: there are other than two objectives, or fewer than 4 trials have ended.
        """
        if len(objectives) != 2:
            raise NotDrawn(f"a front takes a search for two figures, this one is for {', '.join(objectives)}")
        names = sorted(objectives, key="file_bytes".__ne__)
        frame = pd.read_csv(io.BytesIO(csv)).sort_values("trial")
        ended = frame[frame["state"] == "complete"].dropna(subset=names)
        if len(ended) < FEWEST:
            raise NotDrawn(f"a search is drawn from {FEWEST} trials on that ended, here are {len(ended)}")
        metrics = [_metric(name, objectives[name]) for name in names]
        return cls(*metrics, list(ended[names].astype(float).itertuples(index=False, name=None)))

    def costs(self) -> list[Point]:
        """The points with both figures turned so that less is better; ratios are as logarithms."""
        columns = [_cost(values, metric) for values, metric in zip(np.array(self.points).T, (self.x, self.y), strict=True)]
        return list(zip(*(column.tolist() for column in columns), strict=True))


def _metric(name: str, direction: str) -> Metric:
    """A figure of a Record."""
    logged = METRICS.get(name, name)
    return replace(KNOWN.get(logged, Metric(logged, "lower")), better="lower" if direction == "minimize" else "higher")


def _cost(values: np.ndarray, metric: Metric) -> np.ndarray:
    return (np.log10(values) if spans_decade(values) else values) * (-1 if metric.better == "higher" else 1)


@matplotlib.rc_context(STYLE)
def search_front_figure(trials: Trials) -> Figure:
    """Each trial a dot at its two objectives, and the front after a quarter, a half and all of them (log if over a decade).

    Below, the area that the trials so far dominate, in percent of what all of them do (hypervolume, Zitzler & Thiele 1998; from
    the worst of both figures).
    """
    figure = new_figure(3.7)
    fronts, progress = figure.subplots(2, height_ratios=[2, 1])
    columns = np.array(trials.points).T
    fronts.plot(*columns, "o", color=GREY, alpha=0.6, markersize=2.5, linestyle="none", label="trial")
    costs = trials.costs()
    for share, (colour, line, marker) in FRONTS.items():
        count = round(share * len(costs))
        on = on_front(costs[:count])
        kept = sorted(point for point, stays in zip(trials.points, on, strict=False) if stays)
        style = {"drawstyle": "steps-post", "linewidth": 1, "markersize": 3}
        fronts.plot(*np.array(kept).T, color=colour, linestyle=line, marker=marker, label=f"front after {count}", **style)
    _scale(fronts, "x", trials.x, columns[0])
    _scale(fronts, "y", trials.y, columns[1])
    figure.legend(loc="outside upper center", ncols=2, columnspacing=1.2)
    progress.plot(range(1, len(costs) + 1), _progress(costs), color=BLACK, drawstyle="steps-post", linewidth=1)
    progress.set(xlabel="trials", ylabel="hypervolume (%)", ylim=(0, 105))
    progress.xaxis.set_major_locator(MaxNLocator(integer=True))
    figure.align_ylabels()
    return figure


def _scale(axes: Axes, name: str, metric: Metric, values: np.ndarray) -> None:
    axes.set(**{f"{name}label": axis_title(metric)})
    if spans_decade(values) or metric.unit == "bytes":
        log_axis(axes, name, values)


def _progress(costs: list[Point]) -> np.ndarray:
    """Percent of the last hypervolume after each trial."""
    # A little beyond the worst, so that the ends of the front count too.
    reference = tuple(max(column) + 0.05 * (max(column) - min(column)) for column in zip(*costs, strict=True))
    volumes = np.array([hypervolume(costs[: count + 1], reference) for count in range(len(costs))])
    return 100 * volumes / volumes[-1] if volumes[-1] > 0 else np.full(len(costs), 100.0)
