"""What a search may choose, as the user wrote it for Hydra."""

from collections.abc import Sequence

from hydra.core.override_parser.types import IntervalSweep, Override, RangeSweep
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution

from lightexp.compose.sweep import values
from lightexp.errors import ConfigError

SEED = "seed"


def space(overrides: Sequence[Override]) -> dict[str, BaseDistribution]:
    """The distribution of each override that has several values, by its key; the seed's are no choice.

    Raises:
        ConfigError: nothing to choose, or an interval that is none.
    """
    found = {o.get_key_element(): _distribution(o) for o in overrides if o.is_sweep_override() and o.get_key_element() != SEED}
    if not found:
        raise ConfigError(
            "a search needs something to choose, such as 'sparsity=interval(0.5,0.99)' or criterion=magnitude,taylor"
        )
    return found


def _distribution(override: Override) -> BaseDistribution:
    """interval → a number, whole under int(…), on a log scale under tag(log, …); range → one of its steps; else a value."""
    swept = override.value()
    try:
        if isinstance(swept, IntervalSweep):
            kind = IntDistribution if isinstance(swept.start, int) and isinstance(swept.end, int) else FloatDistribution
            return kind(swept.start, swept.end, log="log" in swept.tags)
        if isinstance(swept, RangeSweep):
            steps = list(swept.range())
            return (IntDistribution if isinstance(steps[0], int) else FloatDistribution)(steps[0], steps[-1], step=swept.step)
    except (ValueError, IndexError) as error:
        raise ConfigError(f"{override.input_line}: {error}") from error
    return CategoricalDistribution([value.partition("=")[2] for value in values(override)])
