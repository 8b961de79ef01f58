"""What became of a net, stage by stage and layer by layer."""

import math
from dataclasses import asdict, is_dataclass
from typing import Any

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullFormatter

from lightexp.report.names import SLANTED, depth, write_names
from lightexp.report.style import BLACK, BLUE, GREEN, ORANGE, RED, STYLE, digits, log_axis, new_figure, spans_decade


@matplotlib.rc_context(STYLE)
def stages_figure(record: Any) -> Figure:
    """Accuracy (percent) above file size (bytes, log) after each of a net's stages.

    record: a `lightexp.Record`, or the mapping in its record.json. The curve is of the validation split; the final file and its
    dense control, for which alone the test split was read, have marks of their own.
    """
    record = _mapping(record)
    stages, names = record["stages"], [row["stage"] for row in record["stages"]]
    figure = new_figure(2.8 + depth(names))
    accuracy, size = figure.subplots(2, sharex=True, height_ratios=[1.2, 1])
    places = range(len(stages))
    accuracy.plot(places, [row["val_accuracy"] for row in stages], "o-", color=BLUE, label="validation")
    accuracy.plot(places[-1:], [record["test_accuracy"]], "D", color=RED, label="test, final file", zorder=3)
    if record["dense_test_accuracy"] is not None:
        accuracy.axhline(record["dense_test_accuracy"], color=BLACK, linestyle="--", linewidth=1, label="test, dense control")
    accuracy.set_ylabel("accuracy (%)")
    accuracy.margins(y=0.12)
    figure.legend(loc="outside upper center", ncols=3, columnspacing=1.2)
    _sizes(size, stages)
    write_names(size, names)
    figure.align_ylabels()
    return figure


@matplotlib.rc_context(STYLE)
def layers_figure(record: Any) -> Figure:
    """Of each layer, the share of weights that were kept (percent, log if it spans over a decade), the bits of each, and the bytes
    that they take in the file (log if they do).

    record: a `lightexp.Record`, or the mapping in its record.json. A layer that kept no weight is a cross on the axis.
    """
    layers = _mapping(record)["layers"]
    names = [row["name"] for row in layers]
    figure = new_figure(3.6 + depth(names))
    density, bits, size = figure.subplots(3, sharex=True)
    _densities(density, [100 * row["nonzero"] / row["params"] for row in layers])
    bits.bar(range(len(layers)), [row["bits"] for row in layers], color=GREEN)
    bits.set_ylabel("bits per weight")
    bits.set_ylim(bottom=0)
    bits.yaxis.set_major_locator(MaxNLocator(4, integer=True))
    code_bytes = [row["code_bytes"] for row in layers]
    size.bar(range(len(layers)), code_bytes, color=ORANGE)
    size.set_ylabel("code (bytes)")
    if spans_decade(code_bytes):
        log_axis(size, "y", code_bytes, room=5)
    else:
        size.yaxis.set_major_formatter(FuncFormatter(lambda value, _: digits(value)))
    write_names(size, names)
    size.set_xlabel("layer")
    figure.align_ylabels()
    return figure


def _sizes(axes: Axes, stages: list[dict[str, Any]]) -> None:
    sizes = [row["file_bytes"] for row in stages]
    bars = axes.bar(range(len(stages)), sizes, width=0.6, color=BLUE)
    many = len(stages) > SLANTED
    axes.bar_label(bars, [_times(row["ratio"]) for row in stages], padding=1.5, fontsize=7, rotation=90 * many)
    _decades(axes)
    # Whole decades below, and room for the ratios above.
    axes.set_ylim(10 ** math.floor(math.log10(min(sizes) / 2)), max(sizes) * (20 if many else 5))
    axes.set_ylabel("file (bytes)")


def _densities(axes: Axes, percents: list[float]) -> None:
    axes.bar(range(len(percents)), percents, color=BLUE)
    axes.set_ylabel("weights kept (%)")
    kept = [percent for percent in percents if percent]
    if kept and max(kept) > 10 * min(kept):
        _decades(axes)
        axes.set_ylim(10 ** math.floor(math.log10(min(kept) / 1.2)), 100)
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    dead = [place for place, percent in enumerate(percents) if not percent]
    if dead:
        above_axis = {"transform": axes.get_xaxis_transform(), "clip_on": False}
        axes.plot(dead, [0.03] * len(dead), "x", color=RED, label="no weight kept", **above_axis)
        axes.legend(loc="lower right", bbox_to_anchor=(1, 1), borderpad=0)


def _decades(axes: Axes) -> None:
    axes.set_yscale("log")
    axes.yaxis.set_major_locator(LogLocator(numticks=7))
    axes.yaxis.set_minor_formatter(NullFormatter())


def _times(ratio: float) -> str:
    return f"{ratio:.0f}×" if ratio >= 9.95 else f"{ratio:.1f}×"


def _mapping(record: Any) -> dict[str, Any]:
    return asdict(record) if is_dataclass(record) else record
