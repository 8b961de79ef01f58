"""What a sweep leaves besides its runs: a table, and one summary run that holds table and pictures."""

import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from rich.console import Console

from lightexp.errors import LightexpError
from lightexp.report import dashboard, query, render, summary
from lightexp.report.artifacts import Artifacts
from lightexp.report.errors import ReportError
from lightexp.report.table import summarise
from lightexp.track.dead import bury
from lightexp.track.summary import keep

More = Callable[[Path], Sequence[Path]]
"""Writes further files of the summary into a folder; their paths."""


def finished_keys(uri: str | None, sweep: str) -> set[str] | None:
    """Keys of the sweep's runs that are tracked to their end; None where nothing is tracked."""
    if uri is None:
        return None
    try:
        frame = query.runs(uri, sweep)
    except ReportError:
        return set()
    return set(frame.loc[frame["status"] == "FINISHED", "tag.key"])


def refresh(
    uri: str, sweep: str, command: str, more: More = lambda folder: [], artifacts: Artifacts | None = None
) -> str | None:
    """Bring the summary run up to date; its id, or None while no run is tracked.

    artifacts: for the pictures that want the runs' files, which take seconds.
    """
    try:
        frame = query.runs(uri, sweep)
    except ReportError:
        return None
    with tempfile.TemporaryDirectory() as folder:
        files = [*summary.summary_files(frame, Path(folder), artifacts), *more(Path(folder))]
        return keep(uri, sweep, files, dashboard.settings(frame), command)


def conclude(console: Console, uri: str | None, sweep: str, command: str, more: More = lambda folder: []) -> None:
    """Print the sweep's table and refresh its summary run; runs whose process is gone no longer say that they run."""
    if uri is None:
        console.print("no table: none of this sweep's runs is tracked")
        return
    try:
        bury(uri, sweep)
        try:
            frame = query.runs(uri, sweep)
        except ReportError:
            console.print("no table: none of this sweep's runs is tracked")
            return
        console.print(render.terminal(summarise(frame)))
        run_id = refresh(uri, sweep, command, more, Artifacts(uri))
    except LightexpError as error:
        console.print(str(error), soft_wrap=True)
        return
    console.print(f"sweep {sweep} · summary run {run_id}", soft_wrap=True)
    console.print(f"again: [bold]lightexp table {sweep}[/bold]   browse: [bold]lightexp ui[/bold]", soft_wrap=True)
