"""The columns of figures, and their cells."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from lightexp.report.best import Verdict
from lightexp.report.cells import Cell, Column
from lightexp.report.groups import Group
from lightexp.report.metrics import Metric
from lightexp.report.published import Citation
from lightexp.report.significance import half_width

TOLERANCE = 0.01
"""The share of what was asked for by which the achieved may miss it without a mark."""

MISSED, VERSION, ALIKE = "†", "‡", "≈"
"""Marks: asked and achieved differ, made by other code, not to be told from the best."""

NOTHING = "–"


def missed(group: Group, metric: Metric) -> bool:
    """Whether any run of the group missed what was asked for; rounding of the last digit aside."""
    if metric.asked is None or group.dense:
        return False
    pairs = zip(group.figure(metric.asked).tolist(), group.figure(metric.name).tolist(), strict=True)
    return any(abs(achieved - asked) > TOLERANCE * abs(asked) + 1e-9 for asked, achieved in pairs)


@dataclass(frozen=True)
class Figures:
    """Makes the cells of a metric.

    spread: "sd" or "interval". compared: whether its cells have verdicts. marked: whether marks of a whole run stand here.
    others: metrics without a column of their own, of which a run may have missed what was asked for.
    """

    metric: Metric
    spread: str
    compared: bool
    marked: bool
    others: tuple[Metric, ...]

    def column(self, over: str, asked: bool) -> Column:
        """asked: whether anything was asked for, which is then shown too."""
        name, metric = self.metric.name, self.metric
        fields = [f"{name}_mean", f"{name}_sd", f"{name}_half_width"]
        fields = [metric.asked or "asked"] * asked + fields + [f"{name}_p"] * self.compared
        title = f"{metric.heading} asked → achieved" if asked else metric.heading
        return Column(title, tuple(f"{over}/{one}" if over else one for one in fields), metric.unit, metric.better, over)

    def cell(self, found: Group | Citation | None, asked: bool, verdicts: Mapping[Group, Verdict], version: str) -> Cell:
        empty = (None,) * (3 + asked + self.compared)
        if found is None:
            return Cell(NOTHING, empty)
        if isinstance(found, Citation):
            value = found.figures.get(self.metric.name)
            raw = (None,) * asked + (None if value is None else value / self.metric.scale,)
            return Cell(NOTHING, empty) if value is None else Cell(self._text(raw[-1]), raw + empty[len(raw) :])
        return self._measured(found, asked, verdicts.get(found), version)

    def _measured(self, group: Group, asked: bool, verdict: Verdict | None, version: str) -> Cell:
        mean, sd = group.mean_sd(self.metric.name)
        if mean is not None and mean == self.metric.nothing:
            mean = sd = None
        half = None if sd is None else half_width(sd, len(group.values(self.metric.name)))
        text = NOTHING if mean is None else self._text(mean)
        spread = sd if self.spread == "sd" else half
        if self.metric.spread and spread is not None:
            text += f" ± {self.metric.form(spread, signed=False)}"
        wanted = group.mean_sd(self.metric.asked)[0] if self.metric.asked and not group.dense else None
        if asked and wanted is not None:
            text = f"{self.metric.form(wanted, signed=False)} → {text}"
        values: tuple[Any, ...] = (wanted,) * asked + (mean, sd, half) + (verdict.p if verdict else None,) * self.compared
        return Cell(text, values, bool(verdict and verdict.best), self._marks(group, verdict, version))

    def _marks(self, group: Group, verdict: Verdict | None, version: str) -> str:
        here = missed(group, self.metric) or (self.marked and any(missed(group, metric) for metric in self.others))
        old = self.marked and bool(group.versions - {version})
        return MISSED * here + VERSION * old + ALIKE * bool(verdict and verdict.indistinguishable)

    def _text(self, value: float) -> str:
        return self.metric.form(value)


def count_cell(group: Group | Citation | None) -> Cell:
    """n, and of how many runs, if some came to nothing."""
    if not isinstance(group, Group):
        return Cell(NOTHING, (None, None))
    n, lost = len(group.seeds), sum(group.lost.values())
    reasons = ", ".join(f"{count} {status}" for status, count in sorted(group.lost.items()))
    return Cell(f"{n} of {n + lost}, {reasons}" if lost else str(n), (n, lost))
