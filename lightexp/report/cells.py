"""What a table consists of."""

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from lightexp.report.metrics import ARROWS, Better


@dataclass(frozen=True)
class Column:
    """title, unit: of the heading; better: the way of its arrow. over: what stands above this column and its neighbours.
    fields: names of a cell's raw values. number: aligned so."""

    title: str
    fields: tuple[str, ...]
    unit: str = ""
    better: Better | None = None
    over: str = ""
    number: bool = True

    @property
    def measure(self) -> str:
        """The unit and where it is better."""
        return " ".join(filter(None, [f"({self.unit})" if self.unit else "", ARROWS.get(self.better or "", "")]))

    @property
    def heading(self) -> str:
        return " ".join(filter(None, [self.title, self.measure]))

    def lines(self, cells: list[str]) -> list[str]:
        """The heading in lines no longer than the cells need, its unit and arrow in one of their own."""
        width = max(map(len, [*cells, *self.title.split(), self.measure]))
        return textwrap.wrap(self.title, width, break_on_hyphens=False) + [self.measure] * bool(self.measure)


@dataclass(frozen=True)
class Cell:
    """text: rounded, for people. values: raw, one for each field of its column, None where there is none. marks: of footnotes."""

    text: str
    values: tuple[Any, ...]
    bold: bool = False
    marks: str = ""

    @property
    def shown(self) -> str:
        return f"{self.text} {self.marks}" if self.marks else self.text


Row = list[Cell]


@dataclass(frozen=True)
class Block:
    """Rows under a heading, which is made of settings; sections of them: dense controls, compressed nets, figures of others."""

    settings: dict[str, Any]
    title: str
    sections: list[list[Row]]


@dataclass(frozen=True)
class Table:
    """What `lightexp.report.render` writes as Markdown, LaTeX, CSV, HTML or to a terminal.

    verdicts: a line for each published row, see `lightexp.report.verdict`. n: the runs behind every cell, None where the table
        itself says how many.
    """

    title: str
    columns: list[Column]
    blocks: list[Block]
    footnotes: list[str] = field(default_factory=list)
    verdicts: list[str] = field(default_factory=list)
    n: int | None = None

    @property
    def rows(self) -> list[Row]:
        return [row for block in self.blocks for section in block.sections for row in section]

    def headings(self) -> list[tuple[str, int]]:
        """What stands above the columns, and over how many of them."""
        spans: list[tuple[str, int]] = []
        for column in self.columns:
            if spans and spans[-1][0] == column.over:
                spans[-1] = (column.over, spans[-1][1] + 1)
            else:
                spans.append((column.over, 1))
        return spans if any(name for name, _ in spans) else []


def level(heads: Sequence[list[str]]) -> list[tuple[str, ...]]:
    """Headings of several lines side by side, all ending in the last line."""
    depth = max(map(len, heads))
    return list(zip(*([""] * (depth - len(head)) + head for head in heads), strict=True))
