"""`lightexp cache`: what the stage store holds."""

import os
import shutil
import time
from pathlib import Path

from rich.console import Console
from rich.table import Table

from lightexp.cli.paths import short
from lightexp.experiment.store import Entry, Store

DAY = 86400.0
LEFTOVER_SECONDS = 3600.0
"""Half-done work that nothing has touched for so long is nobody's."""


def _store(root: Path | None) -> Store:
    return Store(root or os.environ.get("LIGHTEXP_CACHE", ".lightexp"))


def _users(entry: Entry) -> list[Path]:
    return [user for user in entry.users if user.exists()]


def show(root: Path | None) -> None:
    store = _store(root)
    entries = store.entries()
    table = Table("key", "stage", "net", "age", "size", "used by", box=None, pad_edge=False)
    for entry in entries:
        users = _users(entry)
        used = short(users[0]) + (f" and {len(users) - 1} more" if len(users) > 1 else "") if users else "no run that exists"
        table.add_row(entry.key[:12], entry.stage, entry.net, _age(entry.made), _size(entry.size_bytes), used)
    console = Console(highlight=False)
    if entries:
        console.print(table)
    console.print(
        f"{len(entries)} entries, {_size(sum(entry.size_bytes for entry in entries))} in {store.root}", soft_wrap=True
    )


def collect(root: Path | None, older_days: float, everything: bool, dry: bool) -> None:
    store = _store(root)
    old = [entry for entry in store.entries() if time.time() - entry.made >= older_days * DAY]
    doomed = [entry for entry in old if everything or not _users(entry)]
    leftovers = store.leftovers(max(LEFTOVER_SECONDS, older_days * DAY))
    if not dry:
        for entry in doomed:
            store.remove(entry)
        for path in leftovers:
            shutil.rmtree(path, ignore_errors=True) if path.is_dir() else path.unlink(missing_ok=True)
    freed = _size(sum(entry.size_bytes for entry in doomed))
    print(f"{'would free' if dry else 'freed'} {freed}: {len(doomed)} entries and {len(leftovers)} leftovers of dead processes")


def _age(made: float) -> str:
    seconds = time.time() - made
    for unit, size in (("d", DAY), ("h", 3600.0), ("min", 60.0)):
        if seconds >= size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} s"


def _size(count: float) -> str:
    for unit in ("B", "kB", "MB"):
        if count < 1000:
            return f"{count:.0f} {unit}"
        count /= 1000
    return f"{count:.1f} GB"
