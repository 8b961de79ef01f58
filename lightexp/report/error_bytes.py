"""A sweep as a picture of error against bytes."""

import math
from collections.abc import Iterable

import matplotlib
import pandas as pd
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from lightexp.report.groups import Group, group
from lightexp.report.style import BLACK, OKABE_ITO, STYLE, new_figure
from lightexp.report.table import plain

COLOURS = OKABE_ITO[:-1]
"""Black is the dense control's."""

MARKERS = "os^vP"

BYTES, ERROR = "size/file_bytes", "test/error"

LEGEND, WORDY = 8, 24
"""At most so many entries; longer ones than so many characters do not stand side by side."""


@matplotlib.rc_context(STYLE)
def error_bytes_figure(frame: pd.DataFrame) -> Figure:
    """Test error (percent) against file size (bytes, log): each run a small ring, each setting its mean with its spread.

    Colours and markers tell apart what is text in the settings, or the numbers where none is; if these make too many for a
    legend, all look alike. Settings that differ in one number alone are joined by a line. The dense controls are black.
    """
    groups = group(frame)
    series, controls = _series(groups.settings, _drawable(groups.compressed)), _drawable(groups.controls)
    columns = 1 if any(len(name) > WORDY for name in series) else 2
    figure = new_figure(2.3 + 0.14 * math.ceil((len(series) + 1) / columns))
    axes = figure.subplots()
    looks = zip(COLOURS * LEGEND, MARKERS * LEGEND, strict=False)
    handles = {name: _draw(axes, rows, *look) for (name, rows), look in zip(series.items(), looks, strict=False)}
    if controls:
        handles["dense control"] = _draw_controls(axes, controls)
    axes.set_xscale("log")
    axes.set_xlabel("file (bytes)")
    axes.set_ylabel("test error (%)")
    figure.legend(handles.values(), handles, loc="outside upper center", ncols=columns, columnspacing=1.2)
    return figure


def _series(names: list[str], rows: list[Group]) -> dict[str, list[Group]]:
    """Groups under the names that the legend gives them."""
    words = [name for name in names if any(isinstance(row.settings[name], str) for row in rows)]
    series: dict[str, list[Group]] = {}
    for row in rows:
        series.setdefault(_label(row, words or names), []).append(row)
    return series if len(series) <= LEGEND else {"light": rows}


def _label(row: Group, names: Iterable[str]) -> str:
    """The values of settings; a number says what it is of."""
    values = {name: row.settings[name] for name in names}
    texts = [plain(value) if isinstance(value, str) else f"{name} {plain(value)}" for name, value in values.items()]
    return ", ".join(texts) or "light"


def _draw(axes: Axes, rows: list[Group], colour: str, marker: str) -> Artist:
    """What a legend shows for these groups."""
    rows = sorted(rows, key=lambda row: row.mean_sd(BYTES)[0])
    ring = {"marker": "o", "markersize": 2.5, "markeredgewidth": 0.6, "markerfacecolor": "white", "zorder": 4}
    for row in (row for row in rows if len(row.seeds) > 1):
        axes.plot(row.figure(BYTES), row.figure(ERROR), linestyle="none", color=colour, **ring)
    sizes, errors = [row.mean_sd(BYTES)[0] for row in rows], [row.mean_sd(ERROR) for row in rows]
    spread = {"yerr": [sd or 0 for _, sd in errors], "capsize": 2, "elinewidth": 0.8}
    varying = [name for name in rows[0].settings if len({row.settings[name] for row in rows}) > 1]
    line = {"color": colour, "marker": marker, "linewidth": 1, "linestyle": "-" if len(varying) == 1 else "none"}
    return axes.errorbar(sizes, [error for error, _ in errors], **spread, **line)[0]


def _draw_controls(axes: Axes, controls: list[Group]) -> Artist:
    """A diamond for each control, with its error carried across; named if they are several, but few."""
    for row in controls:
        handle = _draw(axes, [row], BLACK, "D")
        size, error = row.mean_sd(BYTES)[0], row.mean_sd(ERROR)[0]
        axes.axhline(error, color=BLACK, linestyle="--", linewidth=0.8, zorder=1)
        if 1 < len(controls) <= LEGEND // 2:
            name = _label(row, [name for name, value in row.settings.items() if value is not None])
            axes.annotate(name, (size, error), (-4, 2), textcoords="offset points", ha="right", va="bottom", fontsize=7)
    return handle


def _drawable(rows: list[Group]) -> list[Group]:
    return [row for row in rows if None not in (row.mean_sd(BYTES)[0], row.mean_sd(ERROR)[0])]
