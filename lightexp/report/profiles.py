"""How a sweep's best settings go through their stages, and through the layers of their nets."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import matplotlib
import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from lightexp.report.names import depth, write_names
from lightexp.report.series import NotDrawn, legend_columns, legend_inches, looks
from lightexp.report.style import STYLE, digits, log_axis, new_figure, spans_decade

Row = dict[str, Any]
Records = dict[str, list[dict[str, Any]]]
"""Name of a setting → the records of its runs."""


@dataclass(frozen=True)
class Panel:
    """title: with its unit. figure: of a row."""

    title: str
    figure: Callable[[Row], float]


STAGES = [
    Panel("val. error (%)", lambda row: 100 - row["val_accuracy"]),
    Panel("file (bytes)", lambda row: row["file_bytes"]),
]

LAYERS = [
    Panel("weights kept (%)", lambda row: 100 * row["nonzero"] / row["params"]),
    Panel("bits per weight", lambda row: row["bits"]),
    Panel("code (bytes)", lambda row: row["code_bytes"]),
]


def stage_profiles(records: Records) -> Figure:
    """Validation error (percent) and file size (bytes) after each stage, for settings whose stages are those of the first.

    Raises:
        NotDrawn: there are no records.
    """
    return _profiles(records, "stages", "stage", STAGES)


def layer_profiles(records: Records) -> Figure:
    """Share of weights kept (percent), bits of each and bytes of them all, layer by layer, for settings whose nets have the layers
    of the first.

    Raises:
        NotDrawn: there are no records, or the net has no layer that can be compressed.
    """
    return _profiles(records, "layers", "name", LAYERS)


@matplotlib.rc_context(STYLE)
def _profiles(records: Records, table: Literal["stages", "layers"], name: str, panels: Sequence[Panel]) -> Figure:
    """Means over the runs of each setting."""
    runs = [record for found in records.values() for record in found]
    names = [row[name] for row in runs[0][table]] if runs else []
    if not names:
        raise NotDrawn(f"there are no {table} to show")
    alike = {
        label: [record[table] for record in found if [row[name] for row in record[table]] == names]
        for label, found in records.items()
    }
    alike = {label: tables for label, tables in alike.items() if tables}
    figure = new_figure(0.4 + 1.05 * len(panels) + depth(names) + legend_inches([*alike, "title"]))
    handles: list[Artist] = []
    for axes, panel in zip(figure.subplots(len(panels), sharex=True), panels, strict=True):
        means = [np.mean([[panel.figure(row) for row in rows] for rows in tables], axis=0) for tables in alike.values()]
        handles = _draw(axes, means)
        axes.set_ylabel(panel.title)
    write_names(axes, names)
    axes.set_xlabel(table.removesuffix("s"))
    figure.align_ylabels()
    if len(alike) > 1:
        columns = legend_columns(list(alike))
        figure.legend(handles, alike, title=_of(alike), loc="outside upper center", ncols=columns, columnspacing=1.2)
    return figure


def _of(series: dict[str, list[list[Row]]]) -> str:
    """What is drawn of each setting, for a picture that stands without its caption."""
    counts = sorted({len(runs) for runs in series.values()})
    return (
        "one run each" if counts == [1] else f"means over {' to '.join(map(str, (counts[0], counts[-1])[: len(counts)]))} seeds"
    )


def _draw(axes: Axes, series: Sequence[np.ndarray]) -> list[Artist]:
    """Each series beside the others, so that equal figures do not hide one another; what is 0 on a log axis is a cross on it."""
    values = np.concatenate(series)
    in_decades = spans_decade(values[values > 0])
    handles = []
    for place, (figures, (colour, marker)) in enumerate(zip(series, looks(), strict=False)):
        at = np.arange(len(figures)) + 0.5 * (place - (len(series) - 1) / 2) / len(series)
        nothing = (figures == 0) & in_decades
        shown = np.where(nothing, np.nan, figures)
        handles += axes.plot(at, shown, color=colour, marker=marker, markersize=3.5, linewidth=0.7)
        if nothing.any():
            on_axis = {"transform": axes.get_xaxis_transform(), "clip_on": False, "linestyle": "none", "color": colour}
            axes.plot(at[nothing], np.full(nothing.sum(), 0.03), "x", **on_axis)
    if in_decades:
        log_axis(axes, "y", values, room=5)
    else:
        axes.set_ylim(0, 1.1 * max(values.max(), 1))
        axes.yaxis.set_major_formatter(lambda value, _: digits(value))
    return handles
