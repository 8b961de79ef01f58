"""What a finished sweep leaves beside its runs."""

from pathlib import Path

import pandas as pd
from matplotlib.figure import Figure

from lightexp.report.artifacts import Artifacts
from lightexp.report.gallery import OF_FILES, OF_RUNS, drawn
from lightexp.report.render import FORMS, write
from lightexp.report.style import save
from lightexp.report.sweep import Sweep
from lightexp.report.table import summarise


def summary_files(frame: pd.DataFrame, directory: Path, artifacts: Artifacts | None = None) -> list[Path]:
    """Write table.md, table.tex, table.csv and the pictures that the runs of a sweep allow; their paths.

    artifacts: files of the runs, for the pictures that need them; None leaves these out, which takes a second less.

    Raises:
        ReportError: no runs, or files that cannot be written.
    """
    table = summarise(frame)
    tables = [write(table, directory / f"table{suffix}") for suffix in FORMS]
    pictures = OF_RUNS if artifacts is None else OF_RUNS + OF_FILES
    found = [(picture.name, figure) for picture, figure in drawn(Sweep(frame, artifacts), pictures)]
    return tables + [save(figure, directory / f"{name}.png") for name, figure in found if isinstance(figure, Figure)]
