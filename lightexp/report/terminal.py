"""A table for the terminal."""

import textwrap
from typing import TYPE_CHECKING

from lightexp.report.cells import Table

if TYPE_CHECKING:
    from rich.console import RenderableType


def terminal(table: Table) -> "RenderableType":
    """Something for rich to print; footnotes stand below."""
    from rich import box
    from rich.console import Group
    from rich.table import Table as RichTable
    from rich.text import Text

    shown = RichTable(title=Text(table.title, "bold"), title_justify="left", box=box.SIMPLE_HEAD, show_edge=False, padding=0)
    for place, column in enumerate(table.columns):
        words = " ".join(filter(None, [column.over, column.heading]))
        title = _narrow(words, [row[place].shown for row in table.rows])
        shown.add_column(Text(title), justify="right" if column.number else "left", vertical="bottom", overflow="fold")
    for block in table.blocks:
        if block.title:
            shown.add_row(Text(block.title, "bold"))
        for section in block.sections:
            for row in section:
                shown.add_row(*(Text(cell.shown, "bold" if cell.bold else "") for cell in row))
        shown.add_section()
    return Group(shown, *(Text(note, "dim") for note in table.footnotes))


def _narrow(title: str, cells: list[str]) -> str:
    """The title in lines no longer than the cells need."""
    return textwrap.fill(title, max(map(len, [*cells, *title.split()])), break_on_hyphens=False)
