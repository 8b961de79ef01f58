"""A table as a page, which needs nothing beside it."""

from html import escape

from lightexp.report.cells import Cell, Column, Table

STYLE = """
body { font: 15px/1.45 system-ui, sans-serif; color: #1a1a1a; background: #fff; margin: 2rem; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
caption { text-align: left; font-weight: 600; padding-bottom: .5rem; }
th, td { padding: .2rem .7rem; text-align: left; vertical-align: bottom; white-space: nowrap; }
thead th { white-space: normal; }
sup { line-height: 0; }
.number { text-align: right; }
.over { text-align: center; border-bottom: 1px solid #999; }
thead tr:last-child th { border-bottom: 1px solid #1a1a1a; }
tbody + tbody tr:first-child > * { border-top: 1px solid #ccc; }
table { border-top: 2px solid #1a1a1a; border-bottom: 2px solid #1a1a1a; }
.notes { color: #555; font-size: 13px; }
"""


def html(table: Table) -> str:
    """A whole page; a cell's unrounded values show when it is pointed at."""
    title = escape(table.title)
    return (
        f'<!doctype html>\n<html lang="en">\n<meta charset="utf-8">\n<title>{title}</title>\n<style>{STYLE}</style>\n'
        f"{fragment(table)}</html>\n"
    )


def fragment(table: Table) -> str:
    """The table and its footnotes, to stand in a page of another's style."""
    spans = table.headings()
    above = "".join(f'<th colspan="{width}"{_class("over", bool(over))}>{escape(over)}</th>' for over, width in spans)
    heads = "".join(f"<th{_class('number', column.number)}>{_head(column)}</th>" for column in table.columns)
    lines = ["<table>", f"<caption>{escape(table.title)}</caption>", "<thead>"]
    lines += [f"<tr>{above}</tr>"] * bool(spans) + [f"<tr>{heads}</tr>", "</thead>"]
    for block in table.blocks:
        if block.title:
            lines.append(f'<tbody><tr><th colspan="{len(table.columns)}">{escape(block.title)}</th></tr></tbody>')
        for section in block.sections:
            rows = ["".join(_cell(cell, column) for cell, column in zip(row, table.columns, strict=True)) for row in section]
            lines += ["<tbody>", *(f"<tr>{row}</tr>" for row in rows), "</tbody>"]
    notes = [f'<p class="notes">{"<br>".join(map(escape, table.footnotes))}</p>'] if table.footnotes else []
    return "\n".join([*lines, "</table>", *notes]) + "\n"


def _head(column: Column) -> str:
    return "<br>".join(escape(line) for line in (column.title, column.measure) if line)


def _cell(cell: Cell, column: Column) -> str:
    text = f"<b>{escape(cell.text)}</b>" if cell.bold else escape(cell.text)
    marks = f"<sup>{escape(cell.marks)}</sup>" if cell.marks else ""
    known = [f"{field} {value}" for field, value in zip(column.fields, cell.values, strict=True) if value is not None]
    raw = f' title="{escape(", ".join(known))}"' if column.number and known else ""
    return f"<td{_class('number', column.number)}{raw}>{text}{marks}</td>"


def _class(name: str, applies: bool) -> str:
    return f' class="{name}"' if applies else ""
