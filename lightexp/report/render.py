"""A table as text: for the terminal, a README, a paper, a page, a program."""

import csv as csv_module
import io
from pathlib import Path

from lightexp.experiment.write import write_whole
from lightexp.report.cells import Cell, Table
from lightexp.report.errors import ReportError
from lightexp.report.html import html
from lightexp.report.latex import latex
from lightexp.report.terminal import Terminal as terminal

__all__ = ["FORMS", "csv", "html", "latex", "markdown", "terminal", "write"]


def markdown(table: Table) -> str:
    """A GitHub table under its title, with footnotes; blocks have a row for their heading."""
    titles = [" ".join(filter(None, [column.over and f"{column.over}:", column.heading])) for column in table.columns]
    lines = [[_pipes(title) for title in titles], ["---:" if column.number else "---" for column in table.columns]]
    for block in table.blocks:
        if block.title:
            lines.append([f"**{_pipes(block.title)}**", *[""] * (len(titles) - 1)])
        lines += [[_bold(cell) for cell in row] for section in block.sections for row in section]
    parts = [table.title, "\n".join(f"| {' | '.join(line)} |" for line in lines), "  \n".join(table.footnotes)]
    return "\n\n".join(part for part in parts if part) + "\n"


def csv(table: Table) -> str:
    """Raw values, unrounded: a column for each field, empty where there is no value; what heads a block is a column too."""
    text = io.StringIO()
    writer = csv_module.writer(text, lineterminator="\n")
    heads = list(table.blocks[0].settings) if table.blocks else []
    common = [] if table.n is None else [table.n]
    writer.writerow([*heads, *["n"] * len(common), *(field for column in table.columns for field in column.fields), "marks"])
    for block in table.blocks:
        for row in (row for section in block.sections for row in section):
            values = [*block.settings.values(), *common, *(value for cell in row for value in cell.values)]
            marks = "".join(dict.fromkeys(mark for cell in row for mark in cell.marks))
            writer.writerow(["" if value is None else value for value in [*values, marks]])
    return text.getvalue()


FORMS = {".md": markdown, ".tex": latex, ".csv": csv, ".html": html}


def write(table: Table, path: Path) -> Path:
    """Write the table in the form that the file's suffix names; the path.

    Raises:
        ReportError: a suffix that is none of .md, .tex, .csv and .html, or a file that cannot be written.
    """
    form = FORMS.get(path.suffix.lower())
    if form is None:
        raise ReportError(f"{path.name}: a table is written to a file that ends in {', '.join(FORMS)}")
    return write_whole(path, form(table).encode())


def _bold(cell: Cell) -> str:
    text = f"**{_pipes(cell.text)}**" if cell.bold else _pipes(cell.text)
    return f"{text} {cell.marks}" if cell.marks else text


def _pipes(text: str) -> str:
    return text.replace("|", r"\|")
