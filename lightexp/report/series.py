"""Settings of a sweep as points, told apart by colour and by marker."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import cycle

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes

from lightexp.report.errors import ReportError
from lightexp.report.groups import Group
from lightexp.report.metrics import KNOWN, Metric
from lightexp.report.style import BLACK, COLOURS, MARKERS
from lightexp.report.table import plain

LEGEND, WORDY = 8, 24
"""At most so many entries; longer ones than so many characters do not stand side by side."""

MUTED = 0.35
"""Opacity of what is not to be looked at first."""

CROWD = 40
"""Settings of a series whose marks have their full size."""

RING = {"marker": "o", "markersize": 2.5, "markeredgewidth": 0.6, "markerfacecolor": "white", "linestyle": "none"}
"""A single run."""


class NotDrawn(ReportError):
    """A picture that the runs do not allow; says what they lack."""


@dataclass(frozen=True, eq=False)
class Points:
    """Runs of one setting: x and y of each."""

    group: Group
    x: np.ndarray
    y: np.ndarray

    @cached_property
    def mean(self) -> tuple[float, float]:
        # From the first value on, so that the mean of equal values is that value.
        return tuple(float(values[0] + np.mean(values - values[0])) for values in (self.x, self.y))

    @cached_property
    def sd(self) -> tuple[float, float]:
        """Sample standard deviations (n - 1); 0 for one run."""
        return tuple(float(np.std(values, ddof=1)) if len(values) > 1 else 0.0 for values in (self.x, self.y))


ERROR, BYTES, LATENCY = KNOWN["test/error"], KNOWN["size/file_bytes"], KNOWN["latency/batch_1_p50_ms"]

Figures = Callable[[Group], np.ndarray]
"""A figure of each run of a setting, NaN where a run lacks it."""


def axis_title(metric: Metric) -> str:
    """The metric with its unit."""
    return f"{metric.heading} ({metric.unit})" if metric.unit else metric.heading


def figure_of(metric: Metric) -> Figures:
    """The metric of each run, in its unit."""
    return lambda group: metric.scale * group.figure(metric.name)


def points(groups: Sequence[Group], x: Figures, y: Figures) -> list[Points]:
    """The settings that have both figures, with the runs that do."""
    found = []
    for group in groups:
        both = np.stack([x(group), y(group)])
        both = both[:, ~np.isnan(both).any(axis=0)]
        if both.size:
            found.append(Points(group, *both))
    return found


def told_apart(rows: Sequence[Points], names: Sequence[str]) -> dict[str, list[Points]]:
    """Series under the names that a legend gives them.

    What is text in the settings tells them apart; of the numbers that vary among those of one text the one with the most values
    runs along the series, and the others tell apart too. If that makes too many series, the text alone does; if these are still
    too many, nothing does.
    """
    words = [name for name in names if any(isinstance(row.group.settings[name], str) for row in rows)]
    numbers = [name for name in names if name not in words and _count(rows, name) > 1]
    fine: dict[str, list[Points]] = {}
    for alike in _split(rows, words).values():
        along = max(numbers, key=lambda name: _count(alike, name), default=None) if len(names) > 1 else None
        fine |= _split(alike, words + [name for name in numbers if name != along])
    if len(fine) > LEGEND:
        return by(rows, words) if words else {"": list(rows)}
    return fine


def by(rows: Sequence[Points], names: Sequence[str]) -> dict[str, list[Points]]:
    """Series by the values of these settings; one nameless series if they are too many for a legend."""
    series = _split(rows, names)
    return series if len(series) <= LEGEND else {"": list(rows)}


def _split(rows: Sequence[Points], names: Sequence[str]) -> dict[str, list[Points]]:
    series: dict[str, list[Points]] = {}
    for row in rows:
        series.setdefault(label(row.group, names), []).append(row)
    return series


def _count(rows: Sequence[Points], name: str) -> int:
    return len({row.group.settings[name] for row in rows})


def label(group: Group, names: Sequence[str]) -> str:
    """The values of settings; a number says what it is of, by the last part of its name."""
    values = {name: group.settings[name] for name in names if group.settings[name] is not None}
    texts = [plain(value) if isinstance(value, str) else f"{_short(name)} {plain(value)}" for name, value in values.items()]
    return ", ".join(texts)


def _short(name: str) -> str:
    return name.rpartition(".")[2]


def looks() -> "cycle[tuple[str, str]]":
    """Colour and marker of one series after another."""
    pairs = math.lcm(len(COLOURS), len(MARKERS))
    return cycle([(COLOURS[n % len(COLOURS)], MARKERS[n % len(MARKERS)]) for n in range(pairs)])


def draw(axes: Axes, rows: Sequence[Points], colour: str, marker: str, muted: Sequence[bool], joined: bool) -> Artist:
    """Each setting's mean with its standard deviations, each of its runs a small ring; what a legend shows for them.

    muted: of each row, whether others matter more. joined: by a line, from the left to the right.
    """
    order = sorted(range(len(rows)), key=lambda place: rows[place].mean)
    # Marks of hundreds of settings would hide one another.
    shrink = min(1.0, math.sqrt(CROWD / len(rows)))
    if several := [row for row in rows if len(row.x) > 1]:
        x, y = (np.concatenate([getattr(row, axis) for row in several]) for axis in "xy")
        axes.plot(x, y, color=colour, alpha=MUTED if all(muted) else 0.8, zorder=4, **RING | {"markersize": 2.5 * shrink})
    if joined:
        axes.plot(*zip(*(rows[place].mean for place in order), strict=True), color=colour, linewidth=0.9, alpha=0.6, zorder=2)
    for alpha, wanted in ((MUTED, True), (1.0, False)):
        chosen = [rows[place] for place in order if muted[place] == wanted]
        if chosen:
            means, sds = (np.array([getattr(row, name) for row in chosen]) for name in ("mean", "sd"))
            spread = {
                "xerr": sds[:, 0],
                "yerr": sds[:, 1],
                "capsize": 1.5 * shrink,
                "elinewidth": 0.7 * shrink,
                "capthick": 0.7 * shrink,
            }
            mark = {"marker": marker, "markersize": 4 * shrink, "linestyle": "none"}
            # Bars of no length would be little crosses.
            axes.errorbar(*means.T, color=colour, alpha=alpha, zorder=3, **mark, **spread if sds.any() else {})
    return axes.plot([], [], color=colour, marker=marker, linewidth=0.9, linestyle="-" if joined else "none")[0]


def draw_controls(axes: Axes, rows: Sequence[Points], as_points: bool = True) -> Artist:
    """The error of each dense control carried across, with a diamond at its x; named if they are several, but few."""
    style = {"color": BLACK, "linestyle": "--", "linewidth": 0.8, "zorder": 1}
    for row in rows:
        axes.axhline(row.mean[1], **style)
        if as_points:
            draw(axes, [row], BLACK, "D", [False], joined=False)
        if 1 < len(rows) <= LEGEND // 2:
            name = label(row.group, list(row.group.settings))
            place = {"xy": (1, row.mean[1]), "xycoords": ("axes fraction", "data"), "textcoords": "offset points"}
            axes.annotate(name, xytext=(-1, 2), ha="right", va="bottom", fontsize=7, **place)
    return axes.plot([], [], marker="D" if as_points else "none", **style)[0]


def legend_columns(names: Sequence[str]) -> int:
    """How many entries stand side by side."""
    return 1 if any(len(name) > WORDY for name in names) else 2


def legend_inches(names: Sequence[str]) -> float:
    """Height of a legend of these entries above a picture."""
    return 0.14 * math.ceil(len(names) / legend_columns(names))
