"""What a finished sweep leaves beside its runs."""

from pathlib import Path

import pandas as pd

from lightexp.report.error_bytes import error_bytes_figure
from lightexp.report.ranking import ranking_figure
from lightexp.report.render import FORMS, write
from lightexp.report.style import save
from lightexp.report.table import summarise


def summary_files(frame: pd.DataFrame, directory: Path) -> list[Path]:
    """Write table.md, table.tex, table.csv, error_bytes.png and ranking.png of the runs of a sweep; their paths.

    Raises:
        ReportError: no runs, or files that cannot be written.
    """
    table = summarise(frame)
    tables = [write(table, directory / f"table{suffix}") for suffix in FORMS]
    pictures = {"error_bytes.png": error_bytes_figure, "ranking.png": ranking_figure}
    return [*tables, *(save(figure(frame), directory / name) for name, figure in pictures.items())]
