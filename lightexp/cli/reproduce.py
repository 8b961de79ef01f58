"""`lightexp reproduce`: a study, from what is missing of its runs to what its README shows."""

import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from rich.console import Console

from lightexp.cli.paths import short
from lightexp.cli.run import main as run
from lightexp.compose.resolvers import tracking_uri
from lightexp.compose.study import QUICK, Study, find, read
from lightexp.experiment.write import write_whole
from lightexp.report import query, render, table_spec
from lightexp.report.cells import Table
from lightexp.report.reproduced import cost, draw, markdown_of, printed, put
from lightexp.report.table import summarise

PRIVATE = ("data.root=", "hydra.", "hydra/")
"""Overrides that say where and how, not what."""


def main(name: str, quick: bool, output: Path | None, overrides: Sequence[str]) -> int:
    """Run what is missing, and show and write what came of all; the exit code of the first sweep that failed.

    Raises:
        LightexpError: an unknown study, or a file of it that makes no sense.
    """
    folder = find(name)
    study = read(folder)
    specs = {table: table_spec.read(folder / table) for table in study.tables}
    sweeps = study.named(quick)
    print(f"study {folder.name}: {len(sweeps)} sweeps, {', '.join(sweeps.values())}", flush=True)
    for sweep, known_as in sweeps.items():
        arguments = [f"sweep={known_as}", *study.overrides(sweep, quick, overrides)]
        if code := run(["-m", "--config-dir", str(folder), *arguments]):
            return code
    tables = []
    for spec in specs.values():
        shown = [sweeps[sweep] for sweep in spec.sweeps or sweeps if sweep in sweeps]
        if shown:
            frame = query.runs(tracking_uri(), *shown)
            tables.append(summarise(frame, replace(spec, sweeps=tuple(shown)), folder))
    _show(tables)
    typed = " ".join(["lightexp reproduce", folder.name, *["--quick"] * quick, *_told(overrides)])
    own = output is None and not quick
    place = output or (Path("multirun") / f"{folder.name}{QUICK}" if quick else folder)
    _write(place.absolute(), _part(study, folder, list(sweeps.values()), tables, place, typed), folder if own else None)
    return 0


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


def _part(study: Study, folder: Path, sweeps: list[str], tables: Sequence[Table], place: Path, typed: str) -> str:
    """Markdown of all that was found."""
    uri = tracking_uri()
    curves = folder / study.curves if study.curves else None
    parts = [f"Written by `{typed}`: {cost(uri, query.runs(uri, *sweeps))}", *map(markdown_of, tables)]
    parts += [
        draw(uri, sweeps, study.pictures, curves, place.absolute()),
        *(printed(folder / one, sweeps) for one in study.scripts),
    ]
    return "\n\n".join(part.strip() for part in parts if part.strip()) + "\n"


def _write(place: Path, part: str, folder: Path | None) -> None:
    """Into the README of the folder, or else as a page of its own."""
    page = folder and (folder / "README.md").absolute()
    text = put(page.read_text(), part, folder.name) if page and page.is_file() else None
    if page and text is None:
        print(f"{short(page)} has no place for it: put the lines of comment there that experiments/README.md shows")
    path = write_whole(page, text.encode()) if text is not None else write_whole(place / "reproduced.md", part.encode())
    print(f"written: {short(path)}")
