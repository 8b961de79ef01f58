"""Names below an axis: level if they fit, else slanted, else upright, and every so-manieth if that is still too many."""

import math
from collections.abc import Sequence

from matplotlib.axes import Axes

LEVEL, SLANTED, UPRIGHT = 40, 8, 20
"""What fits below an axis: names of so many characters together, so many slanted names, so many upright ones."""

LONGEST = 16
"""Characters of a name."""


def depth(names: Sequence[str]) -> float:
    """Inches that the names take below the axis beyond one line."""
    return 0.06 * min(max(map(len, names)), LONGEST) * math.sin(math.radians(_turn(names)))


def write_names(axes: Axes, names: Sequence[str]) -> None:
    """Name the places 0, 1, … of the horizontal axis."""
    turn, step = _turn(names), math.ceil(len(names) / UPRIGHT)
    shown = [name if len(name) <= LONGEST else f"…{name[1 - LONGEST :]}" for name in names[::step]]
    axes.set_xticks(range(0, len(names), step), shown, rotation=turn)
    if turn:
        for text in axes.get_xticklabels():
            text.set(horizontalalignment="right", verticalalignment="center", rotation_mode="anchor", fontsize=7)
    axes.set_xticks(range(len(names)), minor=True)
    axes.tick_params(axis="x", which="minor", length=1.5, width=0.4)
    margin = max(0.6, 1.2 - 0.2 * len(names))
    axes.set_xlim(-margin, len(names) - 1 + margin)


def _turn(names: Sequence[str]) -> int:
    """By how many degrees names must turn to fit below the axis."""
    if max(map(len, names)) * len(names) <= LEVEL:
        return 0
    return 30 if len(names) <= SLANTED else 90
