"""A sweep as a picture of error against bytes."""

from itertools import chain, compress
from typing import Any

import matplotlib
import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from lightexp.report.front import on_front
from lightexp.report.groups import Group, Groups
from lightexp.report.series import (
    NotDrawn,
    Points,
    draw,
    draw_controls,
    legend_columns,
    legend_inches,
    looks,
    points,
    told_apart,
)
from lightexp.report.style import GREY, STYLE, log_axis, new_figure, spans_decade

BYTES, ERROR = "size/file_bytes", "test/error"


@matplotlib.rc_context(STYLE)
def error_bytes_figure(groups: Groups) -> Figure:
    """Test error (percent) against file size (bytes, log): each run a small ring, each setting its mean with its spread.

    Colours and markers tell apart what is text in the settings, or the numbers where none is; if these make too many for a
    legend, all look alike. Settings that differ in one number alone are joined by a line. Settings that another one beats in
    both error and bytes are muted, a staircase leads over those that none does. The dense controls are black.

    Raises:
        NotDrawn: no run has finished.
    """
    rows, controls = (_points(found) for found in (groups.compressed, groups.controls))
    if not rows:
        raise NotDrawn("no run has both a test error and a file")
    series = told_apart(rows, groups.settings)
    fronts = _fronts(rows)
    unbeaten = set(chain(*fronts))
    names = [*series, "dense control", "Pareto front"]
    figure = new_figure(2.2 + legend_inches(names))
    axes = figure.subplots()
    handles = {
        name or "light": draw(axes, found, *look, [row not in unbeaten for row in found], _is_curve(found))
        for (name, found), look in zip(series.items(), looks(), strict=False)
    }
    if controls:
        handles["dense control"] = draw_controls(axes, controls)
    for front in fronts:
        handles["Pareto front"] = _stairs(axes, sorted(row.mean for row in front))
    log_axis(axes, "x", [x for row in rows + controls for x in row.x])
    if spans_decade(errors := [row.mean[1] for row in rows + controls]):
        log_axis(axes, "y", errors)
    axes.set_xlabel("file (bytes)")
    axes.set_ylabel("test error (%)")
    columns = legend_columns(names)
    figure.legend(handles.values(), handles, loc="outside upper center", ncols=columns, columnspacing=1.2)
    return figure


def best(groups: Groups) -> list[Group]:
    """The settings that no other one on the same data set beats in both error and bytes, those of the smallest files first."""
    front = chain(*_fronts(_points(groups.compressed)))
    return [row.group for row in sorted(front, key=lambda row: row.mean)]


def _points(groups: list[Group]) -> list[Points]:
    return points(groups, lambda group: group.figure(BYTES), lambda group: group.figure(ERROR))


def _fronts(rows: list[Points]) -> list[list[Points]]:
    """Of each data set, whose errors do not compare with another's, the settings that no other one beats."""
    by_data: dict[Any, list[Points]] = {}
    for row in rows:
        by_data.setdefault(row.group.settings.get("data"), []).append(row)
    return [list(compress(rivals, on_front([row.mean for row in rivals]))) for rivals in by_data.values()]


def _is_curve(rows: list[Points]) -> bool:
    """Whether the settings differ in one number alone."""
    settings = [row.group.settings for row in rows]
    return sum(len({one[name] for one in settings}) > 1 for name in settings[0]) == 1


def _stairs(axes: Axes, front: list[tuple[float, float]]) -> Artist:
    x, y = np.array(front).T
    return axes.step(x, y, where="post", color=GREY, alpha=0.4, linewidth=3, solid_capstyle="butt", zorder=1)[0]
