"""A sweep as a ranking: the error of each setting, best on top."""

import matplotlib
import numpy as np
from matplotlib.figure import Figure

from lightexp.report.groups import Group, Groups
from lightexp.report.metrics import Metric
from lightexp.report.series import ERROR, RING, NotDrawn, Points, axis_title, figure_of, label, points
from lightexp.report.style import BLACK, BLUE, STYLE, log_axis, new_figure, spans_decade

MOST = 60
"""Rows that a page still holds."""


@matplotlib.rc_context(STYLE)
def ranking_figure(groups: Groups, metric: Metric = ERROR) -> Figure:
    """Test error (percent), or another metric, of each setting: the mean over seeds with the standard deviation, rings for runs.

    The best is on top. Dense controls are dashed lines. Of more than 60 settings the worst are left out.

    Raises:
        NotDrawn: there are fewer than two settings.
    """
    sign = -1 if metric.better == "higher" else 1
    rows = sorted(_values(groups.compressed, metric), key=lambda row: sign * row.mean[0])[:MOST]
    if len(rows) < 2:
        raise NotDrawn("a ranking takes two settings, and nothing varies but the seed")
    figure = new_figure(0.9 + 0.16 * len(rows))
    axes = figure.subplots()
    places = np.arange(len(rows))
    bar = {"marker": "|", "markersize": 8, "markeredgewidth": 1.6, "linestyle": "none", "capsize": 2, "elinewidth": 0.8}
    axes.errorbar([row.mean[0] for row in rows], places, xerr=[row.sd[0] for row in rows], color=BLUE, **bar)
    rings = [(value, place) for row, place in zip(rows, places, strict=True) if len(row.x) > 1 for value in row.x]
    if rings:
        axes.plot(*np.array(rings).T, color=BLUE, zorder=4, **RING)
    dense = [row.mean[0] for row in _values(groups.controls, metric)]
    lines = [axes.axvline(mean, color=BLACK, linestyle="--", linewidth=0.8, zorder=1) for mean in dense]
    if lines:
        figure.legend(lines[:1], ["dense control"], loc="outside upper center")
    axes.set_yticks(places, [label(row.group, groups.settings) for row in rows], fontsize=7)
    axes.set_ylim(len(rows) - 0.4, -0.6)
    axes.grid(axis="y", linewidth=0.3, alpha=0.5)
    if spans_decade(shown := dense + [row.mean[0] for row in rows]):
        log_axis(axes, "x", shown)
    axes.set_xlabel(axis_title(metric))
    return figure


def _values(groups: list[Group], metric: Metric) -> list[Points]:
    return points(groups, figure_of(metric), figure_of(metric))
