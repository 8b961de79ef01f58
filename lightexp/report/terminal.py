"""A table for the terminal."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING

from lightexp.report.cells import Column, Row, Table, level

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions
    from rich.text import Text

GAP = "  "


@dataclass(frozen=True)
class Terminal:
    """For rich to print, a line a row. What is wider than the terminal stands in parts, each beginning with the settings.

    Lines are laid out here, since rich measures each cell over and over: a second for a thousand rows.
    """

    table: Table

    def __rich_console__(self, console: "Console", options: "ConsoleOptions") -> "Iterator[Text]":
        from rich.text import Text

        yield Text(self.table.title, "bold")
        cells = [[row[at].shown for row in self.table.rows] for at in range(len(self.table.columns))]
        heads = [column.lines(found) for column, found in zip(self.table.columns, cells, strict=True)]
        widths = [max(map(len, head + found)) for head, found in zip(heads, cells, strict=True)]
        for part in _parts(self.table.columns, widths, options.max_width):
            yield from self._part(part, heads, [widths[at] for at in part])
        yield from (Text(note, "dim") for note in self.table.footnotes)

    def _part(self, part: list[int], heads: list[list[str]], widths: list[int]) -> "Iterator[Text]":
        from rich.text import Text

        columns = [self.table.columns[at] for at in part]
        lines = [Text(_above(columns, widths), "bold")] * any(column.over for column in columns)
        lines += [Text(_padded(line, columns, widths), "bold") for line in level([heads[at] for at in part])]
        for block in self.table.blocks:
            lines.append(Text("─" * (sum(widths) + len(GAP) * (len(widths) - 1)), "dim"))
            lines += [Text(block.title, "bold")] * bool(block.title)
            lines += [_line([row[at] for at in part], columns, widths) for section in block.sections for row in section]
        for line in lines:
            line.no_wrap, line.overflow = True, "ignore"
            yield line


def _parts(columns: list[Column], widths: list[int], width: int) -> list[list[int]]:
    """Numbers of columns that fit beside each other, the settings at the left of each part."""
    names = next((at for at, column in enumerate(columns) if column.number), len(columns))
    first = list(range(names))
    used = sum(widths[:names]) + len(GAP) * (names - 1)
    parts, taken = [list(first)], used
    for at in range(names, len(columns)):
        taken += len(GAP) + widths[at]
        if taken > width and len(parts[-1]) > names:
            parts.append(list(first))
            taken = used + len(GAP) + widths[at]
        parts[-1].append(at)
    return parts


def _above(columns: list[Column], widths: list[int]) -> str:
    """What stands over neighbouring columns, between dashes."""
    parts = []
    for over, found in groupby(zip(columns, widths, strict=True), lambda pair: pair[0].over):
        spanned = [width for _, width in found]
        parts.append((f" {over} " if over else "").center(sum(spanned) + len(GAP) * (len(spanned) - 1), "─" if over else " "))
    return GAP.join(parts)


def _padded(texts: Sequence[str], columns: list[Column], widths: list[int]) -> str:
    parts = zip(texts, columns, widths, strict=True)
    return GAP.join(text.rjust(width) if column.number else text.ljust(width) for text, column, width in parts).rstrip()


def _line(row: Row, columns: list[Column], widths: list[int]) -> "Text":
    from rich.text import Text

    line, at = Text(_padded([cell.shown for cell in row], columns, widths)), 0
    for cell, width in zip(row, widths, strict=True):
        if cell.bold:
            line.stylize("bold", at, at + width)
        at += width + len(GAP)
    return line
