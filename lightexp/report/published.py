"""Figures of others, which stand beside one's own."""

import csv
import math
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any

from pydantic import BeforeValidator

from lightexp.report.errors import ReportError
from lightexp.report.nearest import nearest
from lightexp.report.scalars import Names, Scalar, Wanted, same
from lightexp.spec import spec


@spec
class Match:
    """setting: what the column of the csv is compared with. values: what is written otherwise there, csv → here."""

    setting: str
    values: dict[Scalar, Scalar] = field(default_factory=dict)

    def translate(self, text: str) -> Scalar:
        return next((here for there, here in self.values.items() if same(there, text)), _number(text))


@spec
class Published:
    """Figures of others, from a csv; each of its rows is one of the table, below one's own.

    file: stands beside the table.yaml. label: csv columns that say whose row it is, and what it counts.
    figures: csv column → metric, in the unit that the table shows. where: csv column → the value, or values, wanted.
    judge: the metrics by which it is said whether the row was reached, all of them by default; see `lightexp.report.verdict`.
    match: csv column → the setting that must be equal to it. A setting of rows is filled in, one of groups and columns says where
    the row stands; a row whose value the sweep does not have is left out.
    A column `checked` that says other than "paper" is shown behind the label.
    """

    file: Path
    label: Names
    figures: dict[str, str]
    judge: Names | None = None
    where: dict[str, Wanted] = field(default_factory=dict)
    match: dict[
        str, Annotated[Match, BeforeValidator(lambda given: {"setting": given} if isinstance(given, str) else given)]
    ] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Citation:
    """A row of the csv: label; settings, as far as they are matched; metric → figure in the table's unit; rounding: metric → half a
    unit of the last digit that was published."""

    label: str
    settings: dict[str, Any]
    figures: dict[str, float]
    rounding: dict[str, float] = field(default_factory=dict)


def citations(published: Published, folder: Path) -> list[Citation]:
    """The rows of the csv that are wanted, those without any figure left out.

    Raises:
        ReportError: no such file, a column that it does not have, or a figure that is no number.
    """
    path = folder / published.file
    try:
        with path.open(newline="") as file:
            reader = csv.DictReader(file)
            rows, columns = list(reader), list(reader.fieldnames or [])
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise ReportError(f"published figures: {path} cannot be read: {getattr(error, 'strerror', None) or error}") from error
    for name in [*published.label, *published.figures, *published.where, *published.match]:
        if name not in columns:
            raise ReportError(f"published figures: {path.name} has no column {name!r}{nearest(name, columns)}")
    wanted = [
        (line, row)
        for line, row in enumerate(rows, 2)
        if all(any(same(value, _number(row[name])) for value in values) for name, values in published.where.items())
    ]
    found = [_citation(published, row, f"{path.name}, line {line}") for line, row in wanted]
    return [citation for citation in found if citation.figures]


def _citation(published: Published, row: dict[str, str], place: str) -> Citation:
    label = ", ".join(row[name] for name in published.label if row[name])
    checked = row.get("checked") or "paper"
    figures, rounding = {}, {}
    for column, metric in published.figures.items():
        value = _number(row[column])
        if isinstance(value, str):
            raise ReportError(f"published figures: {place}: {column} is no number: {value!r}")
        if value is not None:
            figures[metric] = float(value)
            rounding[metric] = 0.5 * 10.0 ** Decimal(row[column]).as_tuple().exponent
    settings = {match.setting: match.translate(row[column]) for column, match in published.match.items()}
    return Citation(label if checked == "paper" else f"{label} [{checked}]", settings, figures, rounding)


def _number(text: str | None) -> Scalar:
    """What a field of a csv says: nothing, a number or text."""
    if not text:
        return None
    try:
        number = int(text) if text.lstrip("+-").isdecimal() else float(text)
    except ValueError:
        return text
    return number if math.isfinite(number) else text
