"""The cells of a table, from what stands where."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from lightexp.report.best import Verdict, verdicts
from lightexp.report.cells import Block, Cell, Column, Row
from lightexp.report.figures import NOTHING, Figures, count_cell
from lightexp.report.groups import Group
from lightexp.report.layout import Entry, Key, Layout, Section, heading
from lightexp.report.published import Citation
from lightexp.report.scalars import plain
from lightexp.report.verdict import Comparison, summary

COUNT = ("n", "lost")

Verdicts = dict[str, dict[Group, Verdict]]
"""Metric → what was found of each row."""


@dataclass(frozen=True)
class Grid:
    """figures: a column each, for every key of the layout. version: of the code that made the newest run. compared: of
    published rows."""

    layout: Layout
    figures: list[Figures]
    version: str
    compared: dict[Citation, list[Comparison]]

    def made(self) -> tuple[list[Column], list[Block]]:
        """Columns and rows; a column of figures that no run has is left out."""
        columns = [Column(name, (name,), number=False) for name in (self.layout.first, *self.layout.rows)]
        columns += [column for key in self.layout.keys for column in self._columns(key)]
        columns.append(Column("verdict", ("verdict",), number=False))
        blocks = [self._block(section) for section in self.layout.sections]
        rows = [row for block in blocks for section in block.sections for row in section]
        filled = [at for at in range(len(columns)) if any(value is not None for row in rows for value in row[at].values)]
        return [columns[at] for at in filled], [_narrowed(block, filled) for block in blocks]

    @cached_property
    def common_n(self) -> int | None:
        """The runs behind every cell, if the layout has several columns and these all have as many, and none came to nothing."""
        counts = {len(one.seeds) for one in self._groups}
        same = len(self.layout.keys) > 1 and len(counts) == 1 and not any(one.lost for one in self._groups)
        return counts.pop() if same else None

    @cached_property
    def _groups(self) -> list[Group]:
        entries = [entry for section in self.layout.sections for entry in (*section.controls, *section.compressed)]
        return [one for entry in entries for one in entry.found.values() if isinstance(one, Group)]

    @cached_property
    def _asked(self) -> set[str]:
        """The metrics of which something was asked for."""
        metrics = [figures.metric for figures in self.figures if figures.metric.asked]
        return {one.name for one in metrics if any(group.by_seed(one.asked) for group in self._groups if not group.dense)}

    def _columns(self, key: Key) -> Iterator[Column]:
        over = heading(self.layout.columns, key)
        if self.common_n is None:
            yield Column("n", tuple(f"{over}/{name}" if over else name for name in COUNT), over=over)
        for figures in self.figures:
            yield figures.column(over, figures.metric.name in self._asked)

    def _block(self, section: Section) -> Block:
        found = {key: self._verdicts(section, key) for key in self.layout.keys}
        kinds = [section.controls, section.compressed, section.published]
        rows = [[self._row(entry, found) for entry in entries] for entries in kinds if entries]
        settings = dict(zip(self.layout.groups, section.key, strict=True))
        return Block(settings, heading(self.layout.groups, section.key), rows)

    def _verdicts(self, section: Section, key: Key) -> Verdicts:
        rows = [one for entry in section.compressed if isinstance(one := entry.found.get(key), Group)]
        return {one.metric.name: verdicts(rows, one.metric) for one in self.figures if one.compared}

    def _row(self, entry: Entry, verdicts: dict[Key, Verdicts]) -> Row:
        row = [Cell(entry.label, (entry.label,)), *(Cell(plain(value), (value,)) for value in entry.settings)]
        for key in self.layout.keys:
            found = entry.found.get(key)
            if self.common_n is None:
                row.append(count_cell(found))
            for figures in self.figures:
                name = figures.metric.name
                row.append(figures.cell(found, name in self._asked, verdicts[key].get(name, {}), self.version))
        return [*row, self._verdict(entry)]

    def _verdict(self, entry: Entry) -> Cell:
        cited = dict.fromkeys(one for one in entry.found.values() if isinstance(one, Citation))
        text = summary([comparison for one in cited for comparison in self.compared.get(one, [])])
        return Cell(text or NOTHING, (text or None,))


def _narrowed(block: Block, kept: list[int]) -> Block:
    sections = [[[row[at] for at in kept] for row in section] for section in block.sections]
    return Block(block.settings, block.title, sections)
