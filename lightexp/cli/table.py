"""`lightexp table`: a sweep as a table."""

from pathlib import Path

from rich.console import Console

from lightexp.compose.resolvers import tracking_uri
from lightexp.report import query, render
from lightexp.report.table import summarise


def show(name: str | None, output: Path | None, uri: str | None) -> None:
    table = summarise(query.runs(uri or tracking_uri(), name))
    if output:
        render.write(table, output)
        print(f"written: {output}")
    else:
        Console(highlight=False).print(render.terminal(table))
