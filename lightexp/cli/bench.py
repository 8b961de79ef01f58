"""`lightexp bench`: files measured against one another."""

import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from lightexp.edge import Row, bench
from lightexp.edge.machine import processor


def show(
    files: list[Path], runtime: str, batches: list[int], threads: list[int], seconds: float, trust: bool, as_json: bool
) -> None:
    sys.path.insert(0, str(Path.cwd()))
    bar = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f} %"),
        TimeElapsedColumn(),
        console=Console(stderr=True),
        transient=True,
        disable=not sys.stderr.isatty(),
    )
    with bar:
        rows = bench(files, runtime, batches, threads or None, seconds, trust, _teller(bar))
    if as_json:
        print(json.dumps({"runtime": runtime, "processor": processor(), "rows": [asdict(row) for row in rows]}, indent=1))
    else:
        _print(rows, runtime)


def _teller(bar: Progress) -> Callable[[str, float], None]:
    task = bar.add_task("", total=1.0)
    return lambda what, share: bar.update(task, description=what, completed=share)


def _print(rows: Sequence[Row], runtime: str) -> None:
    # Whoever reads a pipe wants each row in one line.
    console = Console(highlight=False, width=None if sys.stdout.isatty() else 10_000)
    size = "ONNX kB" if runtime == "onnx" else "kB"
    for way in dict.fromkeys((row.batch, row.threads) for row in rows):
        chosen = [row for row in rows if (row.batch, row.threads) == way]
        threads = f"{way[1]} thread{'s' * (way[1] > 1)}"
        table = Table(
            "net", "form", size, "peak MB", "p50 ms", "p95 ms", "× base", "", box=None, pad_edge=False, title_justify="left"
        )
        table.title = f"batch {way[0]}, {threads}, {chosen[0].rounds:,} turns"
        for column in table.columns[2:-1]:
            column.justify = "right"
        for row in chosen:
            table.add_row(*_cells(row))
        console.print(table)
        console.print()
    console.print(f"{runtime} on {processor()}; × base: median of the times over the base's, in turn")


def _cells(row: Row) -> tuple[str, ...]:
    peak = "–" if row.peak_bytes is None else f"{row.peak_bytes / 1e6:,.1f}"
    note = "base" if row.is_base else "" if row.gains else f"not faster than {row.base}"
    times = (f"{row.p50_ms:,.3f}", f"{row.p95_ms:,.3f}", f"{row.of_base:.2f}")
    return (row.file, row.form, f"{row.size_bytes / 1e3:,.1f}", peak, *times, note)
