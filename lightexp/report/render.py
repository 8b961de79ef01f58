"""A table as text: for the terminal, a README, a paper, a program."""

import csv as csv_module
import io
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING

from lightexp.experiment.write import write_whole
from lightexp.report.errors import ReportError
from lightexp.report.table import Cell, Table

if TYPE_CHECKING:
    from rich.console import RenderableType

LATEX = str.maketrans(
    {character: f"\\{character}" for character in "&%$#_{}"}
    | {"\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}"}
    | {"±": r"$\pm$", "→": r"$\to$", "↓": r"$\downarrow$", "↑": r"$\uparrow$", "†": r"$\dagger$", "Δ": r"$\Delta$"}
    | {"<": r"\textless{}", ">": r"\textgreater{}", "−": "$-$", "–": "--", "×": r"$\times$", "|": r"\textbar{}"}
)


def terminal(table: Table) -> "RenderableType":
    """Something for rich to print; footnotes stand below."""
    from rich import box
    from rich.console import Group
    from rich.table import Table as RichTable
    from rich.text import Text

    shown = RichTable(title=Text(table.title, "bold"), title_justify="left", box=box.SIMPLE_HEAD, show_edge=False, padding=0)
    for place, column in enumerate(table.columns):
        title = _narrow(column.title, [row[place].text for row in table.rows])
        shown.add_column(Text(title), justify="right" if column.number else "left", vertical="bottom", overflow="fold")
    for row in table.rows:
        shown.add_row(*(Text(cell.text, "bold" if cell.bold else "") for cell in row))
    return Group(shown, *(Text(note, "dim") for note in table.footnotes))


def markdown(table: Table) -> str:
    """A GitHub table under its title, with footnotes."""
    lines = [
        [_pipes(column.title) for column in table.columns],
        ["---:" if column.number else "---" for column in table.columns],
        *([f"**{_pipes(cell.text)}**" if cell.bold else _pipes(cell.text) for cell in row] for row in table.rows),
    ]
    parts = [table.title, "\n".join(f"| {' | '.join(line)} |" for line in lines), "  \n".join(table.footnotes)]
    return "\n\n".join(part for part in parts if part) + "\n"


def latex(table: Table) -> str:
    r"""A `table` float that needs `\usepackage{booktabs}` alone."""
    alignment = "".join("r" if column.number else "l" for column in table.columns)
    lines = [
        r"\begin{table}",
        r"\centering",
        rf"\caption{{{_tex(table.title)}}}",
        rf"\begin{{tabular}}{{{alignment}}}",
        r"\toprule",
        _tex_row([_tex(column.title) for column in table.columns]),
        r"\midrule",
        *(_tex_row([_tex_cell(cell) for cell in row]) for row in table.rows),
        r"\bottomrule",
        r"\end{tabular}",
        *(rf"\par\smallskip{{\footnotesize {_tex(note)}}}" for note in table.footnotes),
        r"\end{table}",
    ]
    return "\n".join(lines) + "\n"


def csv(table: Table) -> str:
    """Raw values, unrounded: a column for each field, empty where there is no value."""
    text = io.StringIO()
    writer = csv_module.writer(text, lineterminator="\n")
    writer.writerow([field for column in table.columns for field in column.fields])
    writer.writerows([["" if value is None else value for cell in row for value in cell.values] for row in table.rows])
    return text.getvalue()


FORMS = {".md": markdown, ".tex": latex, ".csv": csv}


def write(table: Table, path: Path) -> Path:
    """Write the table in the form that the file's suffix names; the path.

    Raises:
        ReportError: a suffix that is none of .md, .tex and .csv, or a file that cannot be written.
    """
    form = FORMS.get(path.suffix.lower())
    if form is None:
        raise ReportError(f"{path.name}: a table is written to a file that ends in {', '.join(FORMS)}")
    return write_whole(path, form(table).encode())


def _narrow(title: str, cells: list[str]) -> str:
    """The title in lines no longer than the cells need."""
    return textwrap.fill(title, max(map(len, [*cells, *title.split()])), break_on_hyphens=False)


def _pipes(text: str) -> str:
    return text.replace("|", r"\|")


def _tex(text: str) -> str:
    return text.translate(LATEX)


def _tex_row(cells: list[str]) -> str:
    return " & ".join(cells) + r" \\"


def _tex_cell(cell: Cell) -> str:
    return rf"\textbf{{{_tex(cell.text)}}}" if cell.bold else _tex(cell.text)
