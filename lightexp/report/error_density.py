"""A sweep as curves of error against density."""

from collections.abc import Sequence

import matplotlib
import numpy as np
from matplotlib.figure import Figure

from lightexp.report.curves import Curve, draw_published
from lightexp.report.groups import Group, Groups
from lightexp.report.metrics import Metric
from lightexp.report.series import (
    ERROR,
    NotDrawn,
    Points,
    axis_title,
    by,
    draw,
    draw_controls,
    figure_of,
    legend_columns,
    legend_inches,
    looks,
    points,
)
from lightexp.report.style import STYLE, log_axis, new_figure, spans_decade

FEWEST = 5
"""Densities that make a curve."""


@matplotlib.rc_context(STYLE)
def error_density_figure(groups: Groups, published: Sequence[Curve] = (), metric: Metric = ERROR) -> Figure:
    """Test error (percent), or another metric, against the share of weights kept (percent, log): a curve for each setting but the one that cuts.

    Each run is a small ring, each setting its mean with its standard deviation. The dense controls are dashed, published curves
    are grey and dotted.

    Raises:
        NotDrawn: there are fewer than 5 densities of anything.
    """
    rows, controls = (points(found, _density, figure_of(metric)) for found in (groups.compressed, groups.controls))
    series = by(rows, [name for name in groups.settings if name != _cutting(rows, groups.settings)])
    most = max((len({f"{row.mean[0]:.3g}" for row in found}) for found in series.values()), default=0)
    if most < FEWEST:
        raise NotDrawn(f"a curve takes {FEWEST} densities of one method, here are {most} at most")
    theirs = [curve for curve in published if curve.over_density()[0]]
    names = [*series, "dense control", *(curve.name for curve in theirs)]
    figure = new_figure(2.2 + legend_inches(names))
    axes = figure.subplots()
    handles = {
        name or "compressed": draw(axes, found, *look, [False] * len(found), joined=bool(name) or len(series) == 1)
        for (name, found), look in zip(series.items(), looks(), strict=False)
    }
    if controls:
        handles["dense control"] = draw_controls(axes, controls, as_points=False)
    handles |= draw_published(axes, theirs, Curve.over_density)
    log_axis(axes, "x", [row.mean[0] for row in rows] + [x for curve in theirs for x in curve.over_density()[0]])
    errors = [row.mean[1] for row in rows + controls] + [y for curve in theirs for y in curve.over_density()[1]]
    if spans_decade(errors):
        log_axis(axes, "y", errors)
    axes.set_xlabel("weights kept (%)")
    axes.set_ylabel(axis_title(metric))
    figure.legend(handles.values(), handles, loc="outside upper center", ncols=legend_columns(names), columnspacing=1.2)
    return figure


def _density(group: Group) -> np.ndarray:
    """Percent of the prunable weights that are not 0."""
    return np.full(len(group.seeds), 100.0) if group.dense else 100 * (1 - group.figure("sparsity/prunable"))


def _cutting(rows: Sequence[Points], names: Sequence[str]) -> str | None:
    """The number among the settings that goes with density the most, by rank correlation (Spearman 1904)."""
    density = np.array([row.mean[0] for row in rows])
    found = {}
    for name in names:
        values = [row.group.settings[name] for row in rows]
        if all(isinstance(value, int | float) for value in values) and len(set(values)) > 1 and len(set(density)) > 1:
            found[name] = abs(np.corrcoef(_ranks(np.array(values)), _ranks(density))[0, 1])
    return max(found, key=found.__getitem__, default=None)


def _ranks(values: np.ndarray) -> np.ndarray:
    """Equal values share a rank."""
    return np.unique(values, return_inverse=True)[1]
