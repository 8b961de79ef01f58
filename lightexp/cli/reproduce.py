"""`lightexp reproduce`: a study, from what is missing of its runs to what its README shows."""

import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from rich.console import Console

from lightexp.cli.paths import short
from lightexp.cli.run import main as run
from lightexp.compose.resolvers import tracking_uri
from lightexp.compose.study import QUICK, find, read
from lightexp.experiment.write import write_whole
from lightexp.report import query, render, table_spec
from lightexp.report.cells import Table
from lightexp.report.reproduced import cost, draw, in_short, markdown_of, moved, pictures, printed, put
from lightexp.report.table import summarise
from lightexp.report.table_spec import TableSpec

SMALL = "The small form shows that all of it runs: on other data and in few epochs its figures and verdicts say nothing."
PRIVATE = ("data.root=", "hydra.", "hydra/")
"""Overrides that say where and how, not what."""


def main(name: str, quick: bool, output: Path | None, overrides: Sequence[str]) -> int:
    """Run what is missing, and show and write what came of all; the exit code of the first sweep that failed.

    Raises:
        LightexpError: an unknown study, or a file of it that makes no sense.
    """
    folder = find(name)
    study = read(folder)
    specs = [table_spec.read(folder / table) for table in study.tables]
    wanted = pictures(study.pictures)
    sweeps = study.named(quick)
    print(f"study {folder.name}, sweeps {', '.join(sweeps.values())}", flush=True)
    if quick:
        print(SMALL, flush=True)
    for sweep, known_as in sweeps.items():
        arguments = [f"sweep={known_as}", *study.overrides(sweep, quick, overrides)]
        if code := run(["-m", "--config-dir", str(folder), *arguments]):
            return code
    tables = [table for spec in specs if (table := _table(spec, folder, sweeps))]
    _show(tables)
    place = output or (Path("multirun", f"{folder.name}{QUICK}") if quick else folder)
    curves = folder / study.curves if study.curves else None
    names, uri = list(sweeps.values()), tracking_uri()
    typed = " ".join(["lightexp reproduce", folder.name, *["--quick"] * quick, *_told(overrides)])
    first = "\n\n".join([f"Written by `{typed}`: {cost(uri, query.runs(uri, *names))}", *[SMALL] * quick])
    shown = draw(uri, names, wanted, curves, place.absolute())
    _write(
        _text(first, *map(markdown_of, tables), shown, *(printed(folder / one, names) for one in study.scripts)),
        place.absolute(),
        None if output or quick else folder,
    )
    if not (output or quick):
        _show_in_front(_text(first, *map(in_short, tables), moved(shown, folder)), folder.name)
    return 0


def _text(*parts: str) -> str:
    return "\n\n".join(part.strip() for part in parts if part)


def _show_in_front(part: str, name: str) -> None:
    """Put it into ./README.md as well, where that has the study's two lines of comment."""
    front = Path("README.md")
    if front.is_file() and (text := put(front.read_text(), part, name)):
        print(f"written: {short(write_whole(front, text.encode()))}")


def _table(spec: TableSpec, folder: Path, sweeps: Mapping[str, str]) -> Table | None:
    """The table of those of its sweeps that were run, under the names that they have now."""
    shown = tuple(sweeps[sweep] for sweep in spec.sweeps or sweeps if sweep in sweeps)
    return summarise(query.runs(tracking_uri(), *shown), replace(spec, sweeps=shown), folder) if shown else None


def _show(tables: Sequence[Table]) -> None:
    # Whoever reads a pipe wants each row in one line.
    console = Console(highlight=False, width=None if sys.stdout.isatty() else 10_000)
    for table in tables:
        console.print()
        console.print(render.terminal(table))
        for line in table.verdicts:
            console.print(line, soft_wrap=True, markup=False)


def _told(overrides: Sequence[str]) -> list[str]:
    return [override for override in overrides if not override.startswith(PRIVATE)]


def _write(part: str, place: Path, folder: Path | None) -> None:
    """Into the README of a study's folder, or else as a page of its own."""
    readme = (folder / "README.md").absolute() if folder else None
    text = put(readme.read_text(), part, folder.name) if folder and readme and readme.is_file() else None
    if readme and text is None:
        print(f"{short(readme)} has no place for it: put in the two lines of comment that experiments/README.md shows")
    path = write_whole(readme, text.encode()) if readme and text else write_whole(place / "reproduced.md", part.encode())
    print(f"written: {short(path)}")
