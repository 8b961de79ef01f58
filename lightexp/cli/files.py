"""The commands that take compressed files."""

from enum import Enum
from pathlib import Path
from typing import Annotated

import typer

files = typer.Typer()

HYDRA = {"allow_extra_args": True, "ignore_unknown_options": True}
Trust = Annotated[bool, typer.Option("--trust", help="Import the file's own net class, which runs its author's code.")]


class Precision(Enum):
    """Of an exported net."""

    float32 = "float32"
    int8 = "int8"


class Runtime(Enum):
    """Of nets that are measured."""

    onnx = "onnx"
    torch = "torch"


@files.command()
def inspect(
    file: Annotated[Path, typer.Argument(help="A .lxp file.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print it for a program.")] = False,
) -> None:
    """Show what is in a file: its bytes itemised, and each layer.

    \b
    Examples:
      lightexp inspect outputs/2026-11-22/10-00-00-000000/model.lxp
      lightexp inspect model.lxp --json
    """
    from lightexp.cli.inspect import show

    show(file, as_json)


@files.command(context_settings=HYDRA)
def evaluate(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(help="A .lxp file.")],
    trust: Trust = False,
) -> None:
    """Decode a file and measure it again on its data set, or on another one.

    \b
    Examples:
      lightexp evaluate model.lxp
      lightexp evaluate model.lxp data=mnist data.root=/data
    """
    from lightexp.cli.evaluate import show

    show(file, trust, context.args)


@files.command(context_settings=HYDRA)
def export(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(help="A .lxp file.")],
    output: Annotated[Path | None, typer.Option("-o", "--output", help="FILE.onnx or FILE.int8.onnx by default.")] = None,
    precision: Annotated[
        Precision, typer.Option(help="int8: the file's own integers and steps, as QDQ nodes.")
    ] = Precision.float32,
    trust: Trust = False,
) -> None:
    """Write a file as one ONNX file, and compare that with the decoded net on its test data.

    Further arguments name another data set to compare on. Needs the extra: pip install 'lightexp[edge]'.

    \b
    Examples:
      lightexp export model.lxp
      lightexp export model.lxp --precision int8 -o model.onnx
    """
    from lightexp.cli.export import write

    write(file, output, precision.value, trust, context.args)


@files.command()
def bench(
    files: Annotated[list[Path], typer.Argument(help=".lxp and .onnx files.")],
    runtime: Annotated[Runtime, typer.Option(help="What runs them.")] = Runtime.onnx,
    batch: Annotated[list[int], typer.Option(min=1, help="Samples at a time; can be given again.")] = [1, 64],  # noqa: B006
    threads: Annotated[list[int], typer.Option(min=1, help="1 and all there are by default; can be given again.")] = [],  # noqa: B006
    seconds: Annotated[float, typer.Option(min=0, help="For all nets together, of each batch and number of threads.")] = 5.0,
    trust: Trust = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print it for a program.")] = False,
) -> None:
    """Measure the latency of files in turn: their dense originals, their forms in float32 and int8, and dynamic quantization.

    Needs the extra: pip install 'lightexp[edge]'.

    \b
    Examples:
      lightexp bench model.lxp
      lightexp bench small.lxp large.lxp other.onnx --batch 1 --threads 1 --json
    """
    from lightexp.cli.bench import show

    show(files, runtime.value, batch, threads, seconds, trust, as_json)
