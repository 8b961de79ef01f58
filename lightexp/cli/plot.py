"""`lightexp plot`: a sweep as pictures."""

from pathlib import Path

from matplotlib.figure import Figure

from lightexp.cli.paths import short
from lightexp.compose.resolvers import tracking_uri
from lightexp.report.gallery import OF_FILES, OF_RUNS, drawn
from lightexp.report.style import save
from lightexp.report.sweep import Sweep
from lightexp.track.summary import attach


def show(name: str | None, output: Path | None, form: str, published: Path | None, metric: str, uri: str | None) -> None:
    """Write each picture that the runs allow, and say of the others why not."""
    uri = uri or tracking_uri()
    sweep = Sweep.gather(uri, name, published=published, metric=metric)
    folder = (output or Path("pictures") / (sweep.name or "runs")).absolute()
    lacks, files = [], []
    for picture, figure in drawn(sweep, OF_RUNS + OF_FILES):
        if isinstance(figure, Figure):
            files.append(save(figure, folder / f"{picture.name}.{form}"))
            print(short(files[-1]))
        else:
            lacks.append(f"no {picture.name}: {figure}")
    print("\n".join(lacks))
    if sweep.name and files:
        attach(uri, sweep.name, files)
