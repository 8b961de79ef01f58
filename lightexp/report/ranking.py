"""A sweep as a ranking: the error of each setting, best on top."""

import matplotlib
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import StrMethodFormatter

from lightexp.report.groups import Group, group
from lightexp.report.style import BLACK, BLUE, STYLE, new_figure
from lightexp.report.table import plain

ERROR = "test/error"

MOST = 60
"""Rows that a page still holds."""

DECADE = 10
"""Errors that span more than this factor stand on a log axis."""


@matplotlib.rc_context(STYLE)
def ranking_figure(frame: pd.DataFrame) -> Figure:
    """Test error (percent) of each setting, its mean over seeds with the standard deviation, each run a small ring.

    The lowest error is on top. Dense controls are dashed lines. Of more than 60 settings the worst are left out.
    """
    groups = group(frame)
    rows = sorted((row for row in groups.compressed if _error(row) is not None), key=_error)[:MOST]
    figure = new_figure(0.9 + 0.16 * len(rows))
    axes = figure.subplots()
    ring = {"marker": "o", "markersize": 2.5, "markeredgewidth": 0.6, "markerfacecolor": "white", "zorder": 4}
    for place, row in enumerate(rows):
        mean, sd = row.mean_sd(ERROR)
        axes.errorbar(
            [mean],
            [place],
            xerr=[sd or 0],
            color=BLUE,
            marker="|",
            markersize=8,
            markeredgewidth=1.6,
            capsize=2,
            elinewidth=0.8,
        )
        if len(row.seeds) > 1:
            axes.plot(row.figure(ERROR), [place] * len(row.seeds), linestyle="none", color=BLUE, **ring)
    dense = [mean for row in groups.controls if (mean := _error(row)) is not None]
    for mean in dense:
        handle = axes.axvline(mean, color=BLACK, linestyle="--", linewidth=0.8, zorder=1)
    if dense:
        figure.legend([handle], ["dense control"], loc="outside upper center")
    axes.set_yticks(range(len(rows)), [_name(row, groups.settings) for row in rows], fontsize=7)
    axes.set_ylim(len(rows) - 0.4, -0.6)
    axes.grid(axis="y", linewidth=0.3, alpha=0.5)
    shown = dense + [_error(row) for row in rows]
    if shown and min(shown) > 0 and max(shown) > DECADE * min(shown):
        axes.set_xscale("log")
        axes.xaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
    axes.set_xlabel("test error (%)")
    return figure


def _error(row: Group) -> float | None:
    return row.mean_sd(ERROR)[0]


def _name(row: Group, settings: list[str]) -> str:
    """The settings that tell it apart; numbers say what they are of."""
    values = {name: row.settings[name] for name in settings if row.settings[name] is not None}
    return ", ".join(plain(v) if isinstance(v, str) else f"{name} {plain(v)}" for name, v in values.items()) or "light"
