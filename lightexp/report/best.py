"""Which rows of a table are best, and which cannot be told from the best."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from lightexp.report.groups import Group
from lightexp.report.metrics import Metric
from lightexp.report.significance import LEVEL, holm, paired, paired_p


@dataclass(frozen=True)
class Verdict:
    """best: whether no mean is better. p: that it is as good as the best, corrected over the family; None for the best itself
    and where too few seeds are common. tested: whether the family had any test."""

    best: bool
    p: float | None
    tested: bool

    @property
    def indistinguishable(self) -> bool:
        """What could not be tested is not shown to differ; but if nothing could be, the mark would say nothing."""
        return not self.best and self.tested and (self.p is None or self.p >= LEVEL)


def verdicts(rows: Sequence[Group], metric: Metric) -> dict[Group, Verdict]:
    """Of rows that are alternatives to each other, one family: each against the one with the best mean, paired by seed."""
    means = {row: mean for row in rows if (mean := row.mean_sd(metric.name)[0]) is not None}
    if not means:
        return {}
    best = (min if metric.better == "lower" else max)(means.values())
    # Equal means may differ in the last digit, by the order in which they were summed.
    others = [row for row, mean in means.items() if not math.isclose(mean, best, rel_tol=1e-12)]
    first = next(row for row in means if row not in others)
    figures = first.by_seed(metric.name)
    ps = {row: paired_p(paired(row.by_seed(metric.name), figures)) for row in others}
    tested = {row: p for row, p in ps.items() if p is not None}
    corrected = dict(zip(tested, holm(list(tested.values())), strict=True))
    return {row: Verdict(row not in ps, corrected.get(row), bool(tested)) for row in means}
