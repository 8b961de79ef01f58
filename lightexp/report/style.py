"""How pictures look: one column of a two-column paper, legible when printed, told apart by the colour-blind."""

import io
from pathlib import Path

from cycler import cycler
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from lightexp.experiment.write import write_whole

WIDTH = 3.4
"""Inches."""
DPI = 200

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

STYLE = {
    "font.size": 8,
    "axes.labelsize": 8,
    "axes.titlesize": 8,
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


def save(figure: Figure, path: Path) -> Path:
    """Write the figure as PNG in one step; the path."""
    content = io.BytesIO()
    figure.savefig(content, format="png", dpi=DPI)
    return write_whole(path, content.getvalue())
