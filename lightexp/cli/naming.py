"""What a run is called, and how it is described to whoever finds it in MLflow."""

import os
import shlex
from collections.abc import Sequence

from hydra.core.override_parser.overrides_parser import OverridesParser
from omegaconf import DictConfig

VARIABLE = "LIGHTEXP_FIXED"
LONGEST_NAME = 120


def fix(arguments: Sequence[str]) -> None:
    """Tell the jobs of a sweep, whatever process they run in, which settings the user gave one value: all others differ."""
    typed = [argument for argument in arguments if "=" in argument and not argument.startswith("-")]
    parsed = OverridesParser.create().parse_overrides(typed)
    os.environ[VARIABLE] = " ".join(one.get_key_element() for one in parsed if not one.is_sweep_override())


def name_of(overrides: Sequence[str]) -> str | None:
    """What the user asked for, in short: the overrides, in a sweep those that differ between its jobs. None for the default."""
    fixed = os.environ.get(VARIABLE, "").split(" ")
    differing = [override for override in overrides if override.partition("=")[0] not in fixed]
    return " ".join(differing or overrides)[:LONGEST_NAME] or None


def note_of(config: DictConfig, choices: dict[str, str], overrides: Sequence[str]) -> str:
    """Two lines of Markdown: what the run is, and how to make it again."""
    order = config.get("order") or list(config.get("stages") or {})
    what = [choices.get("data"), choices.get("model"), " → ".join(order), f"seed {config.seed}"]
    command = shlex.join(["lightexp", "run", *overrides])
    return f"{' · '.join(part for part in what if part)}\\\nAgain: `{command}`"
