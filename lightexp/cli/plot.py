"""`lightexp plot`: a sweep as pictures."""

from pathlib import Path

from matplotlib.figure import Figure

from lightexp.cli.paths import short
from lightexp.compose.resolvers import tracking_uri
from lightexp.report import query
from lightexp.report.artifacts import Artifacts
from lightexp.report.curves import curves
from lightexp.report.gallery import OF_FILES, OF_RUNS, Sweep, drawn
from lightexp.report.style import save
from lightexp.track.summary import attach


def show(name: str | None, output: Path | None, form: str, published: Path | None, uri: str | None) -> None:
    """Write each picture that the runs allow, and say of the others why not."""
    uri = uri or tracking_uri()
    frame = query.runs(uri, name)
    name = name or query.latest_sweep(uri)
    theirs = curves(published, frame) if published else []
    folder = (output or Path("pictures") / (name or "runs")).absolute()
    lacks, files = [], []
    for picture, figure in drawn(Sweep(frame, Artifacts(uri), theirs), OF_RUNS + OF_FILES):
        if isinstance(figure, Figure):
            files.append(save(figure, folder / f"{picture.name}.{form}"))
            print(short(files[-1]))
        else:
            lacks.append(f"no {picture.name}: {figure}")
    print(*lacks, sep="\n")
    if name and files:
        attach(uri, name, files)
