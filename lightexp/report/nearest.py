"""What was meant by a name that is not there."""

import difflib
from collections.abc import Iterable

SHOWN = 8


def nearest(name: str, known: Iterable[str]) -> str:
    """The end of a sentence that says that `name` is not there: the nearest known name, else what there is."""
    known = list(known)
    # What stands behind the slash or the dot is often all that is remembered.
    tails = {one.replace("/", ".").rpartition(".")[2]: one for one in known}
    near = difflib.get_close_matches(name, known, 1, 0.5)
    near = near or [tails[tail] for tail in difflib.get_close_matches(name, tails, 1, 0.7)]
    hint = f"; did you mean {near[0]!r}?" if near else "."
    return f"{hint} There are: {', '.join(known[:SHOWN])}{', …' * (len(known) > SHOWN)}" if known else ": there are none"
