"""The weights of a net before and after they were quantized."""

from dataclasses import dataclass
from typing import Any

import matplotlib
import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from lightexp.artifact import parse
from lightexp.errors import LightexpError
from lightexp.experiment import Store
from lightexp.models import from_spec
from lightexp.reparam import layers, rebuild
from lightexp.report.series import NotDrawn
from lightexp.report.style import BLUE, GREY, RED, STYLE, log_axis, new_figure
from lightexp.surgery import operate

MOST_LAYERS = 4
BINS = 80

FEW = 64
"""Distinct values that can be told apart as lines; more are a histogram."""


@dataclass(frozen=True)
class LayerWeights:
    """Non-zero weights of a layer: before: it was quantized; first: as the quantizer left them; last: in the file."""

    name: str
    before: np.ndarray
    first: np.ndarray
    last: np.ndarray


def quantized_weights(record: dict[str, Any], file: bytes, store: Store) -> list[LayerWeights]:
    """The layers whose weights a run quantized, those of the most weights first, four at most.

    record: of the run. file: its model.lxp. store: in which its stages are.

    Raises:
        NotDrawn: no stage quantizes, or the store no longer holds one of the stages.
    """
    rows = record["stages"]
    at = next((at for at, row in enumerate(rows) if row["weight_bits"] < 32), 0)
    if at == 0:
        raise NotDrawn("no stage of the run quantizes weights that were trained before")
    spec = parse(file).header["model"]
    before, first, last = (_weights(row, spec, store) for row in (rows[at - 1], rows[at], rows[-1]))
    shared = [
        name for name in last if name in before and name in first and len(np.unique(first[name])) < len(np.unique(before[name]))
    ]
    largest = sorted(shared, key=lambda name: -len(last[name]))[:MOST_LAYERS]
    return [LayerWeights(name, before[name], first[name], last[name]) for name in last if name in largest]


def _weights(row: dict[str, Any], spec: dict[str, Any], store: Store) -> dict[str, np.ndarray]:
    """The non-zero weights of each layer of the net after a stage."""
    key = row.get("key", "")
    if not key or not store.has(key):
        raise NotDrawn(f"the stage store {store.root} does not hold stage {row['stage']} of the run; run it again")
    stored = store.load(key)
    try:
        plain = from_spec({name: value for name, value in spec.items() if name != "surgery"})
        net = rebuild(operate(plain, stored["surgery"]), stored["constraints"], stored["state"])
    except LightexpError as error:
        raise NotDrawn(str(error)) from error
    with torch.no_grad():
        return {name: (weight := module.weight.numpy())[weight != 0] for name, module in layers(net).items()}


@matplotlib.rc_context(STYLE)
def weights_figure(found: list[LayerWeights]) -> Figure:
    """Of each layer how many weights have which value (both as they are, counts on a log axis).

    Grey is the histogram of the weights before they were quantized; lines are the values that share them in the file, with the
    number of weights at each; triangles are the values as the quantizer first chose them, before they were tuned. More than 64
    values are a histogram too.

    Raises:
        NotDrawn: there are no layers.
    """
    if not found:
        raise NotDrawn("no layer has fewer distinct weights than before")
    figure = new_figure(0.6 + 1.1 * len(found))
    panels = figure.subplots(len(found), squeeze=False)[:, 0]
    for axes, layer in zip(panels, found, strict=True):
        handles = _draw(axes, layer)
    panels[-1].set_xlabel("weight")
    figure.supylabel("weights (count)", fontsize=8)
    figure.legend(handles.values(), handles, loc="outside upper center", ncols=3, columnspacing=1)
    return figure


def _draw(axes: Axes, layer: LayerWeights) -> dict[str, Any]:
    """What a legend shows, under its names."""
    limit = np.abs(layer.before).max()
    edges = np.linspace(-limit, limit, BINS + 1)
    before = axes.hist(layer.before, edges, color=GREY, alpha=0.45, linewidth=0)[2][0]
    values, counts = np.unique(layer.last, return_counts=True)
    if len(values) <= FEW:
        after = axes.vlines(values, 0.5, counts, color=BLUE, linewidth=1.1)
        axes.plot(values, counts, "o", color=BLUE, markersize=2.5)
    else:
        after = axes.hist(layer.last, edges, histtype="step", color=BLUE)[2][0]
    log_axis(axes, "y", [1, counts.max()], room=4)
    axes.set_ylim(bottom=0.5)
    axes.set_title(layer.name, loc="left", pad=2)
    handles = {"before": before, "after, in the file": after}
    if len(first := np.unique(layer.first)) <= FEW:
        place = {"transform": axes.get_xaxis_transform(), "clip_on": False}
        style = {"linestyle": "none", "color": RED, "markersize": 4, "markerfacecolor": "white", "markeredgewidth": 0.8}
        handles["first centroids"] = axes.plot(first, np.full(len(first), -0.03), "^", **style, **place)[0]
    return handles
