"""How the jobs of a sweep ended, told by their processes to the one that started them."""

import json
import os
import shlex
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

VARIABLE = "LIGHTEXP_OUTCOMES"


class Outcome(NamedTuple):
    """A job: its number in the sweep, its overrides, and what went wrong, if anything."""

    number: int
    overrides: list[str]
    error: str | None


@contextmanager
def collected() -> Iterator[list[Outcome]]:
    """A list that holds all outcomes once the block has ended, however it ends."""
    found: list[Outcome] = []
    with tempfile.NamedTemporaryFile("r", prefix="lightexp-", suffix=".jsonl") as file:
        os.environ[VARIABLE] = file.name
        try:
            yield found
        finally:
            found += sorted(Outcome(*json.loads(line)) for line in file)
            del os.environ[VARIABLE]


def note(outcome: Outcome) -> None:
    """Tell the process that started the sweep. A short line appended to a file is whole, whoever else appends."""
    with Path(os.environ[VARIABLE]).open("a") as file:
        file.write(json.dumps(outcome) + "\n")


def complaint(outcomes: list[Outcome]) -> str | None:
    """What failed, why, and the commands that run just that; None if nothing did."""
    failed = [outcome for outcome in outcomes if outcome.error]
    if not failed:
        return None
    lines = [f"error: {len(failed)} of {len(outcomes)} jobs failed; what is done is kept, and the same command runs the rest"]
    for outcome in failed:
        lines += [f"  [{outcome.number}] {outcome.error}", f"      lightexp run {shlex.join(outcome.overrides)}"]
    return "\n".join(lines)
