"""A sweep as a table: what was set, and what it gave, mean over seeds."""

from dataclasses import replace
from pathlib import Path

import pandas as pd

from lightexp.report.cells import Table
from lightexp.report.differences import with_differences
from lightexp.report.errors import ReportError
from lightexp.report.figures import Figures
from lightexp.report.footnotes import footnotes
from lightexp.report.grid import Grid
from lightexp.report.groups import CONTROL, group
from lightexp.report.layout import labelling, layout
from lightexp.report.metrics import DEFAULT, KNOWN, Metric
from lightexp.report.nearest import nearest
from lightexp.report.published import Citation, citations
from lightexp.report.scalars import Names, normal, plain, same
from lightexp.report.settings import chosen, column_of
from lightexp.report.table_spec import TableSpec
from lightexp.report.verdict import compare, lines

__all__ = ["plain", "summarise"]

AUTOMATIC = TableSpec()
"""What varies makes the rows."""


def summarise(frame: pd.DataFrame, spec: TableSpec = AUTOMATIC, folder: Path = Path()) -> Table:
    """A row for each combination of settings, means over seeds; the dense controls come first, published figures last.

    frame: of `query.runs`. spec: what stands where. folder: in which the spec's csv is.
    Spread is the sample standard deviation (n − 1), or half the 95 % interval of the mean, left out for n = 1. Differences are
    paired by seed and taken before anything is rounded. The best of a block is bold; a row is marked as not distinguishable
    from it unless a paired t-test says otherwise, at 5 % after Holm's correction over the block.

    Raises:
        ReportError: no runs, or a setting, value or metric that none of them has.
    """
    frame = chosen(frame, spec.where)
    name_of = labelling(spec)
    groups = group(frame, [name_of] * (f"tag.{name_of}" in frame) + spec.settings())
    metrics = _metrics(frame, spec)
    compared = [metrics[0].name] if spec.compare is None else spec.compare
    differing = _differing(metrics, spec)
    groups = replace(groups, compressed=with_differences(groups.compressed, differing, spec.against))
    shown = [one for metric in metrics for one in (metric, metric.difference())[: 1 + (metric.name in differing)]]
    others = tuple(metric for name, metric in KNOWN.items() if metric.asked and name not in {one.name for one in shown})
    figures = [Figures(one, spec.spread, one.name in compared, one == shown[0], others) for one in shown]
    published = _published(metrics, spec, folder)
    cited = [one for one in published if _concerns(one, frame)]
    beside = compare(published, groups, [metric for metric in metrics if metric.name in _judged(spec)])
    compared = {one: found if one in cited else [] for one, found in beside.items()}
    grid = Grid(layout(groups, spec, cited), figures, groups.version, compared)
    columns, blocks = grid.made()
    cells = [cell for block in blocks for section in block.sections for row in section for cell in row]
    notes = footnotes(cells, spec, grid.common_n, groups.version)
    return Table(spec.title or _title(frame), columns, blocks, notes + groups.notes, lines(compared), grid.common_n)


def _metrics(frame: pd.DataFrame, spec: TableSpec) -> list[Metric]:
    """The metrics to show: those that the spec names, which some run must have, or of the usual ones what there is."""
    logged = sorted(name for name in frame.select_dtypes("number") if not name.startswith(("tag.", "param.")))
    if spec.metrics is None:
        return [KNOWN[name] for name in DEFAULT if name in logged] or [KNOWN[DEFAULT[0]]]
    for metric in spec.metrics:
        for name in (metric.name, metric.asked):
            known = metric.name in KNOWN and name == KNOWN[metric.name].asked
            if name is not None and name not in logged and not known:
                raise ReportError(f"no run has logged the metric {name!r}{nearest(name, logged)}")
    return list(spec.metrics)


def _differing(metrics: list[Metric], spec: TableSpec) -> list[str]:
    """The metrics that have a column of differences."""
    if spec.differences is None:
        return [metrics[0].name] if spec.against or metrics[0].name in CONTROL else []
    for name in spec.differences:
        if not spec.against and name not in CONTROL:
            raise ReportError(
                f"differences: of the dense control {name!r} is not known, only {', '.join(CONTROL)}; name a row with against"
            )
    return list(spec.differences)


def _published(metrics: list[Metric], spec: TableSpec, folder: Path) -> list[Citation]:
    """The published rows that are wanted."""
    if spec.published is None:
        return []
    shown = {metric.name for metric in metrics}
    for name in spec.published.figures.values():
        if name not in shown:
            raise ReportError(f"published: figures name {name!r}, which is not among the metrics{nearest(name, shown)}")
    return citations(spec.published, folder)


def _judged(spec: TableSpec) -> Names:
    published = spec.published
    if published is None or published.judge is None:
        return () if published is None else tuple(published.figures.values())
    for name in published.judge:
        if name not in published.figures.values():
            raise ReportError(f"published: judge names {name!r}, which is no figure{nearest(name, published.figures.values())}")
    return published.judge


def _concerns(citation: Citation, frame: pd.DataFrame) -> bool:
    """Whether each setting that the published row is matched by is that of some run."""
    return all(
        value is None or any(same(value, other) for other in {normal(one) for one in frame[column_of(setting, frame)]})
        for setting, value in citation.settings.items()
    )


def _title(frame: pd.DataFrame) -> str:
    names = list(frame["tag.sweep"].dropna().unique()) if "tag.sweep" in frame else []
    title = f"Sweep{'s' * (len(names) > 1)} {', '.join(names)}" if names else "Single runs"
    fixed = [frame[f"tag.{name}"].unique() for name in ("data", "model") if f"tag.{name}" in frame]
    choices = [str(values[0]) for values in fixed if len(values) == 1]
    return f"{title} ({', '.join(choices)})" if choices else title
