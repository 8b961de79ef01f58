"""How pictures look: one column of a two-column paper, legible when printed, told apart by the colour-blind."""

import io
import math
from collections.abc import Iterable
from pathlib import Path
from typing import Literal

import matplotlib
from cycler import cycler
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullFormatter

from lightexp.experiment.write import write_whole

WIDTH = 3.4
"""Inches."""
DPI = 300

BLUE, RED, GREEN, ORANGE, PURPLE, SKY, YELLOW, BLACK = OKABE_ITO = (
    "#0072B2",
    "#D55E00",
    "#009E73",
    "#E69F00",
    "#CC79A7",
    "#56B4E9",
    "#F0E442",
    "#000000",
)

COLOURS = (BLUE, RED, GREEN, ORANGE, PURPLE, SKY)
"""Of series: yellow is too faint for print, and black is the dense control's."""

MARKERS = "os^vP"
"""As many as have no factor in common with the colours, so that the pairs of both repeat late."""

GREY = "#777777"

DECADE = 10
"""Figures that span more than this factor stand on a log axis."""

FINENESS = ((1.0, 2.0, 5.0), (1.0, 3.0), (1.0,))
"""Ticks within a decade."""

CLOSE = 0.8
"""Decades that have no two ticks for sure."""

STYLE = {
    "font.size": 8,
    "axes.labelsize": 8,
    "axes.titlesize": 8,
    "legend.title_fontsize": 7,
    "xtick.labelsize": 8,
    "ytick.labelsize": 8,
    "legend.fontsize": 7,
    "legend.frameon": False,
    "legend.handlelength": 1.6,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.linewidth": 0.6,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "ytick.minor.width": 0.4,
    "xtick.minor.width": 0.4,
    "lines.linewidth": 1.2,
    "lines.markersize": 4,
    "axes.prop_cycle": cycler(color=OKABE_ITO),
    "figure.constrained_layout.h_pad": 0.03,
    "figure.constrained_layout.w_pad": 0.03,
}
"""For `matplotlib.rc_context`, so that nobody else's pictures change."""


def new_figure(height: float) -> Figure:
    """An empty figure of a column's width and so many inches height, free of pyplot."""
    figure = Figure(figsize=(WIDTH, height), dpi=DPI, layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def log_axis(axes: Axes, name: Literal["x", "y"], values: Iterable[float], room: int = 7) -> None:
    """Make the axis of these values logarithmic, with ticks in plain digits as fine as there is room for so many.

    At 1, 2 and 5 of each decade, or 1 and 3, or 1; evenly where the values are close together.
    """
    values = [value for value in values if value > 0]
    decades = math.log10(max(values) / min(values)) if values else 0.0
    fits = next((subs for subs in FINENESS if len(subs) * decades <= room), FINENESS[-1])
    axes.set(**{f"{name}scale": "log"})
    axis = getattr(axes, f"{name}axis")
    axis.set_major_locator(MaxNLocator(min(room, 5)) if decades < CLOSE else LogLocator(subs=fits, numticks=room + 2))
    axis.set_major_formatter(FuncFormatter(lambda value, _: digits(value)))
    axis.set_minor_formatter(NullFormatter())


def digits(value: float) -> str:
    """A number as a tick has room for: 0.5, 20, 5k, 2M."""
    factor, sign = next(((factor, sign) for factor, sign in ((1e6, "M"), (1e3, "k")) if value >= factor), (1, ""))
    return f"{value / factor:g}{sign}"


def spans_decade(values: Iterable[float]) -> bool:
    """Whether the values are ratios that a linear axis would press together; False where one is not positive."""
    values = list(values)
    return bool(values) and min(values) > 0 and max(values) > DECADE * min(values)


def save(figure: Figure, path: Path) -> Path:
    """Write the figure in one step, as PNG or PDF by the path's suffix, equal figures to equal bytes; the path."""
    return write_whole(path, png(figure) if path.suffix == ".png" else pdf(figure))


def png(figure: Figure) -> bytes:
    content = io.BytesIO()
    figure.savefig(content, format="png", dpi=DPI)
    return content.getvalue()


def pdf(figure: Figure) -> bytes:
    content = io.BytesIO()
    # As TrueType its text can be searched and edited.
    with matplotlib.rc_context({"pdf.fonttype": 42}):
        figure.savefig(content, format="pdf", metadata={"CreationDate": None})
    return content.getvalue()
