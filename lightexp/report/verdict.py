"""Whether a published row was reached, from all its figures together."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from lightexp.report.groups import Group, Groups
from lightexp.report.layout import heading
from lightexp.report.metrics import Metric
from lightexp.report.published import Citation
from lightexp.report.scalars import plain, same
from lightexp.report.significance import half_width

Outcome = Literal["beaten", "reproduced", "missed"]
OUTCOMES: tuple[Outcome, ...] = get_args(Outcome)


@dataclass(frozen=True)
class Interval:
    """From low to high, in the unit of the table; a point where nothing is known of the spread."""

    low: float
    high: float

    def beside(self, other: "Interval", metric: Metric) -> int:
        """1 where all of it is better than all of the other, −1 where worse, 0 where they overlap."""
        above, below = self.low > other.high, self.high < other.low
        return int(above) - int(below) if metric.better == "higher" else int(below) - int(above)


@dataclass(frozen=True)
class Comparison:
    """A row of others beside one of ours.

    A figure of ours is the 95 % interval of its mean over n seeds (Student's t); with one seed it is that seed's. One of theirs is
    all that rounds to what was published: 1.58 is 1.575 … 1.585, and 2.7e4 is 26,500 … 27,500. Then the row is

    - missed where a figure of ours is worse than theirs, all of the one than all of the other, or where we have none;
    - else beaten where at least one is better and no mean of ours is worse;
    - else reproduced, and nobody can tell.

    What a test set of so many samples makes uncertain in their one figure is not known, and counts for nobody.

    ours: what tells our row from others of ours that are compared with the same one. metrics: that both are judged by.
    """

    citation: Citation
    group: Group
    ours: str
    metrics: tuple[Metric, ...]

    @property
    def outcome(self) -> Outcome:
        sides = [_side(metric, self.citation, *_ours(metric, self.group)) for metric in self.metrics]
        means = [_side(metric, self.citation, *_ours(metric, self.group)[:1]) for metric in self.metrics]
        return "missed" if -1 in sides else "beaten" if 1 in sides and -1 not in means else "reproduced"

    @property
    def seeds(self) -> int:
        return min(len(self.group.values(metric.name)) for metric in self.metrics)

    def merit(self) -> tuple[int, float]:
        """What the best of several has most of: its outcome, then the first figure that counts."""
        mean, _ = _ours(self.metrics[0], self.group)
        figure = -math.inf if mean is None else mean if self.metrics[0].better == "higher" else -mean
        return -OUTCOMES.index(self.outcome), figure

    def line(self) -> str:
        """What was found, with both figures of each metric and the half width of our intervals."""
        name = f"{_name(self.citation)} · {self.ours}" if self.ours else _name(self.citation)
        figures = ", ".join(_both(metric, self.citation, self.group) for metric in self.metrics)
        return f"{name}: {self.outcome}{' (one seed)' if self.seeds == 1 else ''}: {figures}"


def compare(cited: Iterable[Citation], groups: Groups, metrics: Sequence[Metric]) -> dict[Citation, list[Comparison]]:
    """Each row of others beside those of ours that have the settings it is matched by; none where none was run.

    metrics: those that count. A row that has none of them is left out.
    """
    return {one: _beside(one, groups, judged) for one in cited if (judged := [m for m in metrics if m.name in one.figures])}


def _beside(citation: Citation, groups: Groups, metrics: Sequence[Metric]) -> list[Comparison]:
    own = [one for one in groups.compressed if one.seeds and _matches(citation, one)]
    names = [name for name in groups.settings if len({one.settings[name] for one in own}) > 1]
    told = [heading(names, tuple(one.settings[name] for name in names)) for one in own]
    return [Comparison(citation, one, ours, tuple(metrics)) for one, ours in zip(own, told, strict=True)]


def lines(compared: Mapping[Citation, Sequence[Comparison]]) -> list[str]:
    """A line for each row of others: what the best of ours beside it reached, and how many others of ours did; one line for all
    that were not run."""
    absent = dict.fromkeys(_name(one) for one, found in compared.items() if not found)
    return [*(_best(found) for found in compared.values() if found), *[f"not run: {'; '.join(absent)}"] * bool(absent)]


def _best(found: Sequence[Comparison]) -> str:
    best = max(found, key=Comparison.merit)
    others = [one for one in found if one is not best]
    return best.line() + (f"; other rows of ours: {summary(others)}" if others else "")


def summary(found: Sequence[Comparison]) -> str:
    """What a cell of a table says: the outcome, or how many of our rows have which."""
    outcomes = [one.outcome for one in found]
    if len(outcomes) == 1:
        return outcomes[0] + (", one seed" if found[0].seeds == 1 else "")
    counts = {outcome: outcomes.count(outcome) for outcome in OUTCOMES}
    return ", ".join(f"{count} {outcome}" for outcome, count in counts.items() if count)


def _matches(citation: Citation, group: Group) -> bool:
    """A setting that does not vary is that of all runs."""
    settings = {name: value for name, value in citation.settings.items() if name in group.settings and value is not None}
    return all(same(group.settings[name], value) for name, value in settings.items())


def _name(citation: Citation) -> str:
    return ", ".join([citation.label, *(plain(value) for value in citation.settings.values() if value is not None)])


def _side(metric: Metric, citation: Citation, mean: float | None, half: float = 0.0) -> int:
    if mean is None:
        return -1
    theirs, rounding = citation.figures[metric.name], citation.rounding.get(metric.name, 0.0)
    ours = Interval(metric.scale * (mean - half), metric.scale * (mean + half))
    return ours.beside(Interval(theirs - rounding, theirs + rounding), metric)


def _ours(metric: Metric, group: Group) -> tuple[float | None, float]:
    """Mean and half the width of its interval, 0 with one seed."""
    mean, sd = group.mean_sd(metric.name)
    return mean, 0.0 if sd is None else half_width(sd, len(group.values(metric.name)))


def _both(metric: Metric, citation: Citation, group: Group) -> str:
    mean, half = _ours(metric, group)
    theirs = metric.form(citation.figures[metric.name] / metric.scale, signed=False)
    ours = "none" if mean is None else metric.form(mean, signed=False)
    spread = f" ± {metric.form(half, signed=False)}" if half else ""
    return f"{metric.heading} {theirs} → {ours}{spread}{f' {metric.unit}' if metric.unit else ''}"
