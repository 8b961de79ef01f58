"""`lightexp table`: a sweep as a table."""

import sys
from pathlib import Path

from rich.console import Console

from lightexp.compose.resolvers import tracking_uri
from lightexp.report import query, render
from lightexp.report.sources import is_file
from lightexp.report.table import AUTOMATIC, summarise
from lightexp.report.table_spec import read


def show(name: str | None, spec_file: Path | None, single: bool, output: Path | None, uri: str | None) -> None:
    spec = read(spec_file) if spec_file else AUTOMATIC
    store = uri or tracking_uri()
    if not is_file(store):
        print("reading by the tracking server's API, which is slower than an SQLite file by SQL", file=sys.stderr)
    frame = query.single_runs(store) if single else query.runs(store, *((name,) if name else spec.sweeps))
    table = summarise(frame, spec, spec_file.parent if spec_file else Path())
    if output:
        render.write(table, output)
        print(f"written: {output}")
    else:
        # Whoever reads a pipe wants each row in one line.
        Console(highlight=False, width=None if sys.stdout.isatty() else 10_000).print(render.terminal(table))
    for line in table.verdicts:
        print(line)
