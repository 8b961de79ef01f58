"""What a run is called, and how it is shown to whoever finds it in MLflow."""

import os
import shlex
from collections.abc import Sequence

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from omegaconf import DictConfig

from lightexp.compose.typed import flags

VARIABLE = "LIGHTEXP_COMMAND"
LONGEST_NAME = 120


def tell(arguments: Sequence[str]) -> None:
    """Let the jobs of a sweep, whatever process they run in, know what the user typed, and so what differs between them."""
    os.environ[VARIABLE] = shlex.join(["lightexp", "run", *arguments])


def command() -> str:
    """What was typed, by which the whole sweep is run again."""
    return os.environ.get(VARIABLE, "")


def name_of(overrides: Sequence[str]) -> str | None:
    """What the user asked for, in short: the overrides, in a sweep those that differ between its jobs. None for the default."""
    fixed = {"sweep"} | {one.get_key_element() for one in _typed() if not one.is_sweep_override()}
    differing = [override for override in overrides if override.partition("=")[0] not in fixed]
    return " ".join(differing or overrides)[:LONGEST_NAME] or None


def colour_of(overrides: Sequence[str]) -> str | None:
    """A colour for each value of that which the sweep compares: its first words, else its first numbers, never the seed.

    None if nothing is swept, or more values than there are colours to tell apart.
    """
    swept = [one for one in _typed() if one.is_choice_sweep() or one.is_range_sweep()]
    axes = {one.get_key_element(): list(one.sweep_string_iterator()) for one in swept if one.get_key_element() != "seed"}
    if not axes:
        return None
    key = min(axes, key=lambda axis: all(_is_number(value) for value in axes[axis]))
    places = [place for place, value in enumerate(axes[key]) if f"{key}={value}" in overrides]
    # matplotlib, which knows the colours, takes a second to import; the pictures of the run want it too.
    from lightexp.report.style import OKABE_ITO

    return OKABE_ITO[places[0]] if places and len(axes[key]) <= len(OKABE_ITO) else None


def note_of(config: DictConfig, choices: dict[str, str], overrides: Sequence[str]) -> str:
    """Two lines of Markdown: what the run is, and how to make it again."""
    order = config.get("order") or list(config.get("stages") or {})
    what = [choices.get("data"), choices.get("model"), " → ".join(order), f"seed {config.seed}"]
    again = shlex.join(["lightexp", "run", *flags(shlex.split(command())[2:]), *overrides])
    return f"{' · '.join(part for part in what if part)}\n\n`{again}`"


def _typed() -> list[Override]:
    typed = [one for one in shlex.split(command()) if "=" in one and not one.startswith("-")]
    return OverridesParser.create().parse_overrides(typed)


def _is_number(value: str) -> bool:
    try:
        float(value)
    except ValueError:
        return False
    return True
