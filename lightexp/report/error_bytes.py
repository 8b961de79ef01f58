"""A sweep as a picture of error against what is paid for it: bytes or milliseconds."""

from collections.abc import Sequence
from itertools import chain, compress
from typing import Any

import matplotlib
import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from lightexp.report.curves import Curve, draw_published
from lightexp.report.front import on_front
from lightexp.report.groups import Group, Groups
from lightexp.report.metrics import Metric
from lightexp.report.series import (
    BYTES,
    ERROR,
    LATENCY,
    NotDrawn,
    Points,
    axis_title,
    draw,
    draw_controls,
    figure_of,
    legend_columns,
    legend_inches,
    looks,
    points,
    told_apart,
)
from lightexp.report.style import GREY, STYLE, digits, log_axis, new_figure, spans_decade

FAR = 10.0
"""How many times more than all else the dense control costs before it is left out, of which the line of its error remains."""

WHAT = {BYTES.name: "a file", LATENCY.name: "a latency (latency=onnx gives one)"}
"""What a run lacks that has no such figure."""


def error_bytes_figure(groups: Groups, published: Sequence[Curve] = (), metric: Metric = ERROR) -> Figure:
    """Test error (percent), or another metric, against file size (bytes, log); see `against`."""
    return against(BYTES, groups, metric, [curve for curve in published if curve.over_bytes()[0]])


def error_latency_figure(groups: Groups, metric: Metric = ERROR) -> Figure:
    """Test error (percent), or another metric, against the latency of a batch of 1 (ms, log); see `against`."""
    return against(LATENCY, groups, metric)


@matplotlib.rc_context(STYLE)
def against(cost: Metric, groups: Groups, metric: Metric = ERROR, published: Sequence[Curve] = ()) -> Figure:
    """A metric against what is paid for it.

    Each run is a small ring, each setting its mean with the standard deviations. Colours and markers tell apart what is text in the settings, or the numbers where none is; if these make too many for a
    legend, all look alike. Settings that differ in one number alone are joined by a line. Settings that another one beats in
    both are muted, a staircase leads over those that none does. The dense controls are black, and of those that cost far more than
    all else only the error is drawn; published files are grey and dotted.

    Raises:
        NotDrawn: no run that has finished has both.
    """
    rows, controls = (_points(found, cost, metric) for found in (groups.compressed, groups.controls))
    if not rows:
        raise NotDrawn(f"no run has both {metric.heading} and {WHAT[cost.name]}")
    series = told_apart(rows, groups.settings)
    fronts = _fronts(rows, metric)
    unbeaten = set(chain(*fronts))
    theirs = [x for curve in published for x in curve.over_bytes()[0]]
    far = bool(controls) and min(x for row in controls for x in row.x) > FAR * max([x for row in rows for x in row.x] + theirs)
    at = dict.fromkeys(digits(float(f"{row.mean[0]:.2g}")) for row in controls)
    dense = f"dense control (at {', '.join(at)})" if far else "dense control"
    names = [*series, dense, "Pareto front", *(curve.name for curve in published)]
    figure = new_figure(2.2 + legend_inches(names))
    axes = figure.subplots()
    handles = {
        name or "compressed": draw(axes, found, *look, [row not in unbeaten for row in found], _is_curve(found))
        for (name, found), look in zip(series.items(), looks(), strict=False)
    }
    if controls:
        handles[dense] = draw_controls(axes, controls, as_points=not far)
    for front in (front for front in fronts if len(front) > 1):
        handles["Pareto front"] = _stairs(axes, sorted(row.mean for row in front))
    handles |= draw_published(axes, published, Curve.over_bytes)
    log_axis(axes, "x", [x for row in rows + controls * (not far) for x in row.x] + theirs)
    errors = [row.mean[1] for row in rows + controls] + [y for curve in published for y in curve.over_bytes()[1]]
    if spans_decade(errors):
        log_axis(axes, "y", errors)
    axes.set_xlabel(axis_title(cost))
    axes.set_ylabel(axis_title(metric))
    columns = legend_columns(names)
    figure.legend(handles.values(), handles, loc="outside upper center", ncols=columns, columnspacing=1.2)
    return figure


def best(groups: Groups, metric: Metric = ERROR) -> list[Group]:
    """The settings that no other one on the same data set beats in both error and bytes, those of the smallest files first."""
    front = chain(*_fronts(_points(groups.compressed, BYTES, metric), metric))
    return [row.group for row in sorted(front, key=lambda row: row.mean)]


def _points(groups: list[Group], cost: Metric, metric: Metric) -> list[Points]:
    return points(groups, figure_of(cost), figure_of(metric))


def _fronts(rows: list[Points], metric: Metric) -> list[list[Points]]:
    """Of each data set, whose errors do not compare with another's, the settings that no other one beats."""
    sign = -1 if metric.better == "higher" else 1
    by_data: dict[Any, list[Points]] = {}
    for row in rows:
        by_data.setdefault(row.group.settings.get("data"), []).append(row)
    kept = [on_front([(row.mean[0], sign * row.mean[1]) for row in rivals]) for rivals in by_data.values()]
    return [list(compress(rivals, on)) for rivals, on in zip(by_data.values(), kept, strict=True)]


def _is_curve(rows: list[Points]) -> bool:
    """Whether the settings differ in one number alone."""
    settings = [row.group.settings for row in rows]
    return sum(len({one[name] for one in settings}) > 1 for name in settings[0]) == 1


def _stairs(axes: Axes, front: list[tuple[float, float]]) -> Artist:
    x, y = np.array(front).T
    return axes.step(x, y, where="post", color=GREY, alpha=0.4, linewidth=3, solid_capstyle="butt", zorder=1)[0]
