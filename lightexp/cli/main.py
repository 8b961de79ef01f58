"""`lightexp`: the commands, each a few lines that hand on to what does the work."""

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from lightexp.cli.files import HYDRA, files
from lightexp.cli.results import results

# Threads that spin while they wait make a small net ten times slower when another process wants the same core.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

# Jupyter asks what a cell starts for colours, which rich takes for a terminal, and redraws its lines where nothing can be redrawn.
if not sys.stdout.isatty():
    os.environ.pop("FORCE_COLOR", None)

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
cache = typer.Typer(help="What the stage store holds, and freeing it.", no_args_is_help=True)
app.add_typer(cache, name="cache")

Root = Annotated[Path | None, typer.Option("--root", help="The store; LIGHTEXP_CACHE or ./.lightexp by default.")]


def _version(asked: bool) -> None:
    if asked:
        from importlib.metadata import version

        print(version("lightexp"))
        raise typer.Exit()


@app.callback()
def lightexp(
    asked: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")] = False,
) -> None:
    """Make neural nets light: compress, measure on the real file, track, compare."""


@app.command(context_settings=HYDRA)
def run(context: typer.Context) -> None:
    """Run one experiment, or with -m a sweep of them.

    The arguments are Hydra's: overrides such as seed=1 or model=lenet5, and its flags -m, --cfg job, --info, --config-dir,
    --hydra-help. -v shows the traceback of an error.

    \b
    Examples:
      lightexp run
      lightexp run data=mnist model=lenet300 sparsity=0.98
      lightexp run -m seed=0,1,2 schedule=prune,light
      lightexp run --cfg job
    """
    from lightexp.cli.run import main

    raise typer.Exit(main(context.args))


@app.command(context_settings=HYDRA)
def reproduce(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="A folder of ./experiments, or a path of one.")],
    part: Annotated[str | None, typer.Option("--part", help="One of its parts; else all, one after the other.")] = None,
    quick: Annotated[bool, typer.Option("--quick", help="In a small form, which shows that it runs and nothing else.")] = False,
    output: Annotated[Path | None, typer.Option("-o", "--output", help="Folder of page and pictures; else its README.")] = None,
) -> None:
    """Run what is missing of a study, and show its tables, with a verdict for each published row.

    Further arguments are overrides of all its sweeps. How a study is written stands in experiments/README.md.

    \b
    Examples:
      lightexp reproduce deep_compression data.root=/data
      lightexp reproduce deep_compression --quick
      lightexp reproduce pruning_curves --part lenet300_criteria
    """
    from lightexp.cli.reproduce import main

    raise typer.Exit(main(name, part, quick, output, context.args))


app.add_typer(files)
app.add_typer(results)


@cache.command("ls")
def cache_ls(root: Root = None) -> None:
    """List the stored stages by age, size and who uses them.

    \b
    Example:
      lightexp cache ls
    """
    from lightexp.cli.cache import show

    show(root)


@cache.command("gc")
def cache_gc(
    root: Root = None,
    older: Annotated[float, typer.Option("--older-days", help="Only what is older than so many days.")] = 0.0,
    everything: Annotated[bool, typer.Option("--all", help="Also what existing run directories rest on.")] = False,
    dry: Annotated[bool, typer.Option("--dry-run", help="Say what would go, and leave it.")] = False,
) -> None:
    """Free what no existing run directory rests on.

    \b
    Examples:
      lightexp cache gc --dry-run
      lightexp cache gc --all --older-days 30
    """
    from lightexp.cli.cache import collect

    collect(root, older, everything, dry)


def main() -> None:
    """The console script: errors of the user's making end in one line and exit code 1."""
    from lightexp.errors import LightexpError

    try:
        app()
    except LightexpError as error:
        sys.exit(f"error: {error}")
    except KeyboardInterrupt:
        sys.exit("interrupted")
    except BrokenPipeError:
        # Whoever read the output, such as `head`, has seen enough; what is still buffered must not be tried again.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)


if __name__ == "__main__":
    main()
