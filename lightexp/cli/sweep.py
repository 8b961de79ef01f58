"""The end of a sweep: its table, and one summary run that holds table and pictures."""

import tempfile
from pathlib import Path

from rich.console import Console

from lightexp.errors import LightexpError
from lightexp.report import dashboard, query, render, summary
from lightexp.report.errors import ReportError
from lightexp.report.table import summarise
from lightexp.track.summary import keep


def conclude(sweep: str, uri: str) -> None:
    """Print the sweep's table and refresh its summary run. Nothing tracked, nothing to conclude."""
    console = Console(highlight=False)
    try:
        frame = query.runs(uri, sweep)
    except ReportError:
        print("no table: none of this sweep's runs is tracked")
        return
    except LightexpError as error:
        print(error)
        return
    console.print(render.terminal(summarise(frame)))
    with tempfile.TemporaryDirectory() as folder:
        run_id = keep(uri, sweep, summary.summary_files(frame, Path(folder)), dashboard.settings(frame))
    console.print(f"sweep {sweep} · summary run {run_id}", soft_wrap=True)
    console.print(f"again: [bold]lightexp table {sweep}[/bold]   browse: [bold]lightexp ui[/bold]", soft_wrap=True)
