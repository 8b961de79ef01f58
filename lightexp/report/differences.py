"""What each run has more or less than the row that it is compared with."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from lightexp.report.errors import ReportError
from lightexp.report.groups import CONTROL, Group
from lightexp.report.metrics import difference_name
from lightexp.report.nearest import nearest
from lightexp.report.scalars import normal, plain, same


def with_differences(groups: list[Group], metrics: Sequence[str], against: dict[str, Any]) -> list[Group]:
    """The groups with a figure more for each metric: run by run what it has over the baseline, from unrounded figures.

    against: settings of the baseline; without, it is each run's own dense control. Runs are paired by seed, so that the spread
    is that of the differences. NaN where the baseline lacks the seed.

    Raises:
        ReportError: no group has the settings of the baseline.
    """
    baseline = {name: _found(name, value, groups) for name, value in against.items()}
    known = {tuple(one.settings.values()): one for one in groups}

    def reference(one: Group) -> dict[str, np.ndarray]:
        if not against:
            return {metric: one.figure(CONTROL[metric]) for metric in metrics if metric in CONTROL}
        other = known.get(tuple((one.settings | baseline).values()))
        return {} if other in (None, one) else {metric: _aligned(other, metric, one.seeds) for metric in metrics}

    return [_with(one, reference(one)) for one in groups]


def _found(name: str, value: Any, groups: list[Group]) -> Any:
    """The value as the groups have it."""
    there = list(dict.fromkeys(one.settings[name] for one in groups))
    for other in there:
        if same(value, other):
            return other
    raise ReportError(f"against: no run has {name} {plain(normal(value))}{nearest(plain(value), map(plain, there))}")


def _with(one: Group, reference: dict[str, np.ndarray]) -> Group:
    return replace(
        one,
        figures=one.figures | {difference_name(metric): one.figure(metric) - values for metric, values in reference.items()},
    )


def _aligned(baseline: Group, metric: str, seeds: list[Any]) -> np.ndarray:
    figures = baseline.by_seed(metric)
    return np.array([figures.get(seed, np.nan) for seed in seeds])
