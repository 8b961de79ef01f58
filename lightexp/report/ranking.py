"""A sweep as a ranking: the error of each setting, best on top."""

import matplotlib
from matplotlib.figure import Figure

from lightexp.report.groups import Group, Groups
from lightexp.report.series import RING, label
from lightexp.report.style import BLACK, BLUE, STYLE, log_axis, new_figure, spans_decade

ERROR = "test/error"

MOST = 60
"""Rows that a page still holds."""


@matplotlib.rc_context(STYLE)
def ranking_figure(groups: Groups) -> Figure:
    """Test error (percent) of each setting, its mean over seeds with the standard deviation, each run a small ring.

    The lowest error is on top. Dense controls are dashed lines. Of more than 60 settings the worst are left out.
    """
    rows = sorted((row for row in groups.compressed if _error(row) is not None), key=_error)[:MOST]
    figure = new_figure(0.9 + 0.16 * len(rows))
    axes = figure.subplots()
    bar = {"color": BLUE, "marker": "|", "markersize": 8, "markeredgewidth": 1.6, "capsize": 2, "elinewidth": 0.8}
    for place, row in enumerate(rows):
        mean, sd = row.mean_sd(ERROR)
        axes.errorbar([mean], [place], xerr=[sd or 0], **bar)
        if len(row.seeds) > 1:
            axes.plot(row.figure(ERROR), [place] * len(row.seeds), color=BLUE, zorder=4, **RING)
    dense = [mean for row in groups.controls if (mean := _error(row)) is not None]
    for mean in dense:
        handle = axes.axvline(mean, color=BLACK, linestyle="--", linewidth=0.8, zorder=1)
    if dense:
        figure.legend([handle], ["dense control"], loc="outside upper center")
    axes.set_yticks(range(len(rows)), [label(row, groups.settings) or "light" for row in rows], fontsize=7)
    axes.set_ylim(len(rows) - 0.4, -0.6)
    axes.grid(axis="y", linewidth=0.3, alpha=0.5)
    if spans_decade(shown := dense + [_error(row) for row in rows]):
        log_axis(axes, "x", shown)
    axes.set_xlabel("test error (%)")
    return figure


def _error(row: Group) -> float | None:
    return row.mean_sd(ERROR)[0]
