"""A sweep as a table: what was set, and what it gave, mean over seeds."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import pandas as pd

from lightexp.report.groups import Group, group

TOLERANCE = 0.01
"""By how much, of 1, an achieved sparsity may miss what was asked for without a mark."""


@dataclass(frozen=True)
class Column:
    """title: with its unit, and an arrow to where it is better. fields: names of a cell's raw values. number: aligned so."""

    title: str
    fields: tuple[str, ...]
    number: bool = True


@dataclass(frozen=True)
class Cell:
    """text: rounded, for people. values: raw, one for each field of its column, None where there is none."""

    text: str
    values: tuple[Any, ...]
    bold: bool = False


@dataclass(frozen=True)
class Table:
    """What `lightexp.report.render` writes as Markdown, LaTeX, CSV or to a terminal."""

    title: str
    columns: list[Column]
    rows: list[list[Cell]]
    footnotes: list[str]


def summarise(frame: pd.DataFrame) -> Table:
    """A row for each combination of the settings that vary, seeds averaged over; the dense controls come first.

    Spread is the sample standard deviation (n - 1), left out for n = 1. Differences to the dense control are taken run by run,
    so that they are paired by seed, before anything is rounded. The lowest mean error on a data set is bold.

    Raises:
        ReportError: no runs.
    """
    groups = group(frame)
    rows = groups.controls + groups.compressed
    made = [(column, [cell(row) for row in rows]) for column, cell in _settings(groups.settings) + FIGURES]
    made = [(column, cells) for column, cells in made if any(value is not None for cell in cells for value in cell.values)]
    best = _best(groups.compressed)
    made = [
        (column, [replace(cell, bold=column == ERROR and row in best) for cell, row in zip(cells, rows, strict=True)])
        for column, cells in made
    ]
    cells = [list(row) for row in zip(*(cells for _, cells in made), strict=True)]
    return Table(_title(frame), [column for column, _ in made], cells, _footnotes(rows, cells) + groups.notes)


def plain(value: Any) -> str:
    """A setting as text."""
    return "–" if value is None else f"{value:.6g}" if isinstance(value, float) else str(value)


Make = Callable[[Group], Cell]


def _settings(names: list[str]) -> list[tuple[Column, Make]]:
    def cell(name: str) -> Make:
        return lambda row: Cell(plain(row.settings[name]), (row.settings[name],))

    net = (Column("net", ("net",), number=False), _net)
    return [net, *((Column(name, (name,), number=False), cell(name)) for name in names)]


def _net(row: Group) -> Cell:
    text = "dense" if row.dense else "light"
    return Cell(text, (text,))


def _count(row: Group) -> Cell:
    lost = ", ".join(f"{count} {status}" for status, count in sorted(row.lost.items()))
    n = len(row.seeds)
    return Cell(f"{n} ({lost})" if lost else str(n), (n, sum(row.lost.values())))


def _figure(title: str, metric: str, form: str, spread: bool = False, nothing: float | None = None) -> tuple[Column, Make]:
    """spread: show the standard deviation beside the mean. It is among the raw values in any case. nothing: the mean that
    says that there is none to show."""

    def cell(row: Group) -> Cell:
        mean, sd = row.mean_sd(metric)
        if mean == nothing:
            mean = sd = None
        text = "–" if mean is None else format(mean, form)
        if spread and sd is not None:
            text += f" ± {format(sd, form.removeprefix('+'))}"
        return Cell(text.replace("-", "−"), (mean, sd))

    return Column(title, (f"{metric}_mean", f"{metric}_sd")), cell


def _sparsity(row: Group) -> Cell:
    (asked, _), (achieved, sd) = row.mean_sd("sparsity/asked"), row.mean_sd("sparsity/prunable")
    text = " → ".join(f"{100 * share:.4g}" for share in (asked, achieved) if share is not None) or "–"
    return Cell(text + " †" * _missed(row), (asked, achieved, sd))


def _missed(row: Group) -> bool:
    """Whether any run missed the sparsity asked for; rounding of the last digit aside."""
    return bool((abs(row.figure("sparsity/asked") - row.figure("sparsity/prunable")) > TOLERANCE + 1e-9).any())


FIGURES: list[tuple[Column, Make]] = [
    (Column("n", ("n", "lost")), _count),
    _figure("test error (%) ↓", "test/error", ".2f", spread=True),
    _figure("Δ error (pp) ↓", "test/delta", "+.2f", spread=True),
    (Column("sparsity (%) asked → achieved", ("sparsity/asked", "sparsity/prunable_mean", "sparsity/prunable_sd")), _sparsity),
    _figure("weight bits ↓", "bits/weight", ".3g"),
    _figure("input bits ↓", "bits/input", ".3g", nothing=32.0),
    _figure("file (bytes) ↓", "size/file_bytes", ",.0f"),
    _figure("ratio ↑", "size/ratio", ".1f"),
    _figure("time (s)", "cost/seconds", ",.1f"),
]
ERROR = FIGURES[1][0]


def _best(rows: list[Group]) -> list[Group]:
    means = [(row, row.settings.get("data"), row.mean_sd("test/error")[0]) for row in rows]
    lowest: dict[Any, float] = {}
    for _, data, mean in means:
        if mean is not None:
            lowest[data] = min(mean, lowest.get(data, mean))
    return [row for row, data, mean in means if mean is not None and mean == lowest[data]]


def _title(frame: pd.DataFrame) -> str:
    names = frame["tag.sweep"].dropna().unique() if "tag.sweep" in frame else []
    title = f"Sweep {names[0]}" if len(names) == 1 else "Single runs" if not len(names) else "Several sweeps"
    fixed = [frame[f"tag.{name}"].unique() for name in ("data", "model") if f"tag.{name}" in frame]
    choices = [str(values[0]) for values in fixed if len(values) == 1]
    return f"{title} ({', '.join(choices)})" if choices else title


def _footnotes(rows: list[Group], cells: list[list[Cell]]) -> list[str]:
    notes = ["Mean ± sample standard deviation over n seeds."] if any("±" in cell.text for row in cells for cell in row) else []
    if any(_missed(row) for row in rows):
        notes.append(f"† A run's sparsity is over {100 * TOLERANCE:.0f} percentage point off what was asked for.")
    return notes
