"""The commands that show what runs gave."""

from enum import Enum
from pathlib import Path
from typing import Annotated

import typer

results = typer.Typer()

Uri = Annotated[str | None, typer.Option("--uri", help="Tracking store; MLFLOW_TRACKING_URI or ./mlflow.db by default.")]
Name = Annotated[str | None, typer.Argument(help="Name of a sweep; the latest one by default.")]
Published = Annotated[Path | None, typer.Option("--published", help="FILE.csv of published curves to draw beside.")]
MetricName = Annotated[str, typer.Option("--metric", help="What stands in the place of the test error in pictures.")]


class Form(Enum):
    """Of pictures."""

    png = "png"
    pdf = "pdf"


@results.command()
def table(
    name: Name = None,
    spec: Annotated[Path | None, typer.Option("--spec", help="A table.yaml that says what stands where.")] = None,
    single: Annotated[bool, typer.Option("--single", help="The runs that belong to no sweep.")] = False,
    output: Annotated[Path | None, typer.Option("-o", "--output", help="Write it to FILE.md, .tex, .csv or .html.")] = None,
    uri: Uri = None,
) -> None:
    """Show a sweep as a table: means over seeds with their spread, the dense control beside them.

    The best is bold, and what cannot be told from it is marked. How a table.yaml is written stands in experiments/README.md.

    \b
    Examples:
      lightexp table
      lightexp table my_sweep -o table.tex
      lightexp table my_sweep --spec table.yaml -o table.html
      lightexp table --single
    """
    from lightexp.cli.table import show

    show(name, spec, single, output, uri)


@results.command()
def plot(
    name: Name = None,
    output: Annotated[Path | None, typer.Option("-o", "--output", help="Folder; pictures/NAME by default.")] = None,
    form: Annotated[Form, typer.Option("--format", help="For the screen, or for a paper.")] = Form.png,
    published: Published = None,
    metric: MetricName = "test/error",
    uri: Uri = None,
) -> None:
    """Draw what the runs of a sweep allow: error against bytes and density, ranking, stages, layers, weights, a search's front.

    \b
    Examples:
      lightexp plot
      lightexp plot my_sweep -o figures --format pdf
      lightexp plot my_sweep --metric val/error
    """
    from lightexp.cli.plot import show

    show(name, output, form.value, published, metric, uri)


@results.command()
def report(
    name: Name = None,
    output: Annotated[Path | None, typer.Option("-o", "--output", help="The page; NAME.html by default.")] = None,
    published: Published = None,
    metric: MetricName = "test/error",
    uri: Uri = None,
) -> None:
    """Write a sweep as one page: table, pictures, configs, versions, and the command that runs it again.

    \b
    Examples:
      lightexp report
      lightexp report my_sweep -o report.html
    """
    from lightexp.cli.report import write

    write(name, output, published, metric, uri)


@results.command()
def ui(
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port of the page.")] = 5000,
    host: Annotated[str, typer.Option(help="Address to listen on; this machine alone by default.")] = "127.0.0.1",
    uri: Uri = None,
) -> None:
    """Open MLflow's page over the tracking store in use.

    \b
    Examples:
      lightexp ui
      lightexp ui --port 8080
    """
    from lightexp.cli.ui import serve

    serve(host, port, uri)
