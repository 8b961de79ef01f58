"""`lightexp report`: a sweep as one page."""

from pathlib import Path

from lightexp.cli.paths import short
from lightexp.compose.resolvers import tracking_uri
from lightexp.experiment.write import write_whole
from lightexp.report.gallery import OF_FILES, OF_RUNS, drawn
from lightexp.report.page import Page
from lightexp.report.sweep import Sweep
from lightexp.report.table import summarise


def write(name: str | None, output: Path | None, published: Path | None, metric: str, uri: str | None) -> None:
    sweep = Sweep.gather(uri or tracking_uri(), name, published=published, metric=metric)
    page = Page(
        table=summarise(sweep.frame),
        frame=sweep.frame,
        pictures=list(drawn(sweep, OF_RUNS + OF_FILES)),
        commands=sweep.commands(),
        example=sweep.example(),
        config=sweep.config(),
    )
    path = (output or Path(f"{sweep.name or 'runs'}.html")).absolute()
    print(f"written: {short(write_whole(path, page.html().encode()))}")
