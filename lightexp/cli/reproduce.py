"""`lightexp reproduce`: a study, from what is missing of its runs to what its README shows."""

import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from rich.console import Console

from lightexp.cli.paths import short
from lightexp.cli.run import main as run
from lightexp.compose.resolvers import tracking_uri
from lightexp.compose.study import QUICK, Study, find, read
from lightexp.errors import ConfigError
from lightexp.experiment.write import write_whole
from lightexp.report import query, render, table_spec
from lightexp.report.cells import Table
from lightexp.report.reproduced import cost, draw, in_short, markdown_of, moved, pictures, printed, put
from lightexp.report.table import summarise
from lightexp.report.table_spec import TableSpec

SMALL = "The small form shows that all of it runs: on other data and in few epochs its figures and verdicts say nothing."
TABLE = "table.yaml"
PRIVATE = ("data.root=", "hydra.", "hydra/")
"""Overrides that say where and how, not what."""


def main(name: str, part: str | None, quick: bool, output: Path | None, overrides: Sequence[str]) -> int:
    """Run what is missing, and show and write what came of all; the exit code of the first sweep that failed.

    Raises:
        LightexpError: an unknown study or part, or a file of it that makes no sense.
    """
    folder = find(name)
    study = read(folder)
    tables = study.tables or [TABLE] * (folder / TABLE).is_file()
    specs = [table_spec.read(folder / table) for table in tables] or [TableSpec()]
    wanted = pictures(study.pictures)
    parts = study.chosen(part)
    if alone := quick or output is not None:  # a page of its own, which has them all
        parts = {part: tuple(sweep for names in parts.values() for sweep in names)}
    place = output or (Path("multirun", f"{folder.name}{QUICK}") if quick else folder)
    curves = folder / study.curves if study.curves else None
    if quick:
        print(SMALL, flush=True)
    for one, names in parts.items():
        label = " ".join([folder.name, *[f"--part {one}"] * (one is not None)])
        sweeps = study.named(names, quick)
        if code := _run(folder, study, sweeps, quick, overrides):
            return code
        shown = [(spec, names) for spec in specs if (names := _shown(spec, sweeps))]
        tables = [_table(spec, names, folder) for spec, names in shown]
        _show(tables)
        names, uri = tuple(sweeps.values()), tracking_uri()
        typed = " ".join(["lightexp reproduce", label, *["--quick"] * quick, *_told(overrides)])
        first = "\n\n".join([f"Written by `{typed}`: {cost(uri, query.runs(uri, *names))}", *[SMALL] * quick])
        # What stands in one table stands in one picture, but for a study that is one part: there each sweep has its own.
        drawings = dict.fromkeys(names for _, names in shown) if study.parts else [(name,) for name in names]
        drawn = draw(uri, drawings, wanted, curves, place.absolute())
        scripts = [printed(folder / script, names) for script in study.scripts]
        text = _text(first, *map(markdown_of, tables), drawn, *scripts)
        _write(text, place.absolute(), None if alone else folder, label)
        if not alone:
            _show_in_front(_text(first, *map(in_short, tables), moved(drawn, folder)), label)
    return 0


def _run(folder: Path, study: Study, sweeps: Mapping[str, str], quick: bool, overrides: Sequence[str]) -> int:
    if not sweeps:
        raise ConfigError(f"no sweep of this part has a small form; those that have one: {', '.join(study.quick) or 'none'}")
    print(f"study {folder.name}, sweeps {', '.join(sweeps.values())}", flush=True)
    for sweep, known_as in sweeps.items():
        arguments = [f"sweep={known_as}", *study.overrides(sweep, quick, overrides)]
        if code := run(["-m", "--config-dir", str(folder), *arguments]):
            return code
    return 0


def _text(*parts: str) -> str:
    return "\n\n".join(part.strip() for part in parts if part)


def _show_in_front(part: str, label: str) -> None:
    """Put it into ./README.md as well, where that has the two lines of comment of the study or its part."""
    front = Path("README.md")
    if front.is_file() and (text := put(front.read_text(), part, label)):
        print(f"written: {short(write_whole(front, text.encode()))}")


def _shown(spec: TableSpec, sweeps: Mapping[str, str]) -> tuple[str, ...]:
    """Those of a table's sweeps that were run, under the names that they have now."""
    return tuple(sweeps[sweep] for sweep in spec.sweeps or sweeps if sweep in sweeps)


def _table(spec: TableSpec, sweeps: tuple[str, ...], folder: Path) -> Table:
    return summarise(query.runs(tracking_uri(), *sweeps), replace(spec, sweeps=sweeps), folder)


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


def _write(part: str, place: Path, folder: Path | None, label: str) -> None:
    """Into the README of a study's folder, or else as a page of its own."""
    readme = (folder / "README.md").absolute() if folder else None
    text = put(readme.read_text(), part, label) if folder and readme and readme.is_file() else None
    if readme and text is None:
        print(f"{short(readme)} has no place for it: put in the two lines of comment that experiments/README.md shows")
    path = write_whole(readme, text.encode()) if readme and text else write_whole(place / "reproduced.md", part.encode())
    print(f"written: {short(path)}")
