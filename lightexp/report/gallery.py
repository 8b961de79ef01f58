"""All pictures of a sweep that its runs allow."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from lightexp.report.artifacts import Artifacts
from lightexp.report.curves import Curve
from lightexp.report.error_bytes import best, error_bytes_figure
from lightexp.report.error_density import error_density_figure
from lightexp.report.errors import ReportError
from lightexp.report.groups import Group, Groups, group
from lightexp.report.profiles import Records, layer_profiles, stage_profiles
from lightexp.report.ranking import ranking_figure
from lightexp.report.series import label
from lightexp.report.style import COLOURS

PLACE = "place"
"""A figure that says which row of the frame a run is."""


@dataclass(frozen=True)
class Sweep:
    """What pictures are made of. frame: of `query.runs`. artifacts: what the runs left. published: curves of others."""

    frame: pd.DataFrame
    artifacts: Artifacts
    published: Sequence[Curve] = ()

    @cached_property
    def groups(self) -> Groups:
        return group(self.frame.assign(**{PLACE: np.arange(len(self.frame))}))

    def runs(self, of: Group) -> list[str]:
        """Ids of a setting's runs."""
        return self.frame["run_id"].iloc[of.figure(PLACE).astype(int)].tolist()

    @cached_property
    def records(self) -> Records:
        """Of the settings that no other one beats, or some of them from end to end if they are many."""
        front = best(self.groups)
        places = np.unique(np.linspace(0, len(front) - 1, min(len(front), len(COLOURS))).round().astype(int))
        shown = [front[place] for place in places]
        names = [name for name in self.groups.settings if len({one.settings[name] for one in shown}) > 1]
        return {label(one, names) or "light": [self.artifacts.record(run) for run in self.runs(one)] for one in shown}


@dataclass(frozen=True)
class Picture:
    """name: of its file. caption: what a reader needs to know."""

    name: str
    caption: str
    draw: Callable[[Sweep], Figure]


FRONT = "the settings on the Pareto front of error and bytes (six of them from end to end, if they are more), means over seeds"

OF_RUNS = [
    Picture(
        "error_bytes",
        "Test error against the size of the file. Small rings are runs, marks with bars are means over seeds with their standard "
        "deviation. Pale settings are beaten by another one in both error and bytes; the grey staircase leads over the rest.",
        lambda sweep: error_bytes_figure(sweep.groups),
    ),
    Picture(
        "error_density",
        "Test error against the share of weights that are not 0. Small rings are runs, marks with bars are means over seeds with "
        "their standard deviation. Dotted curves are published ones, as their authors count.",
        lambda sweep: error_density_figure(sweep.groups, sweep.published),
    ),
    Picture(
        "ranking",
        "Test error of each setting, the best on top. Small rings are runs, bars the standard deviation over seeds.",
        lambda sweep: ranking_figure(sweep.groups),
    ),
]
"""Pictures that need the figures of the runs alone."""

OF_FILES = [
    Picture(
        "stages",
        f"Validation error and size of the file after each stage: {FRONT}.",
        lambda sweep: stage_profiles(sweep.records),
    ),
    Picture(
        "layers",
        f"What was kept of each layer, in how many bits and bytes: {FRONT}. A cross is a layer that kept no weight.",
        lambda sweep: layer_profiles(sweep.records),
    ),
]
"""Pictures that also need files that the runs left."""


def drawn(sweep: Sweep, pictures: Sequence[Picture]) -> Iterator[tuple[Picture, Figure | ReportError]]:
    """Each picture with its figure, or with what the runs lack for it."""
    for picture in pictures:
        try:
            yield picture, picture.draw(sweep)
        except ReportError as lack:
            yield picture, lack
