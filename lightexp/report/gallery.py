"""All pictures of a sweep that its runs allow."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from matplotlib.figure import Figure

from lightexp.errors import LightexpError
from lightexp.report.error_bytes import error_bytes_figure, error_latency_figure
from lightexp.report.error_density import error_density_figure
from lightexp.report.errors import ReportError
from lightexp.report.profiles import layer_profiles, stage_profiles
from lightexp.report.ranking import ranking_figure
from lightexp.report.search_front import search_front_figure
from lightexp.report.sweep import Sweep
from lightexp.report.weights import weights_figure


@dataclass(frozen=True)
class Picture:
    """name: of its file. title. caption: what a reader needs to know."""

    name: str
    title: str
    caption: str
    draw: Callable[[Sweep], Figure]


FRONT = "the settings on the Pareto front of validation error and bytes (six of them from end to end, if they are more), means over seeds"

OF_RUNS = [
    Picture(
        "error_bytes",
        "Error against bytes",
        "Test error against the size of the file. Small rings are runs, marks with bars are means over seeds with their standard "
        "deviation. Pale settings are beaten by another one in both error and bytes; the grey staircase leads over the rest. Grey "
        "dotted marks, where there are any, are published files, as their authors count.",
        lambda sweep: error_bytes_figure(sweep.groups, sweep.published, sweep.metric),
    ),
    Picture(
        "error_latency",
        "Error against latency",
        "Test error against the milliseconds that a batch of 1 takes in ONNX Runtime. Small rings are runs, marks with bars are "
        "means over seeds with their standard deviation. Pale settings are beaten by another one in both; the grey staircase leads "
        "over the rest.",
        lambda sweep: error_latency_figure(sweep.groups, sweep.metric),
    ),
    Picture(
        "error_density",
        "Error against density",
        "Test error against the share of weights that are not 0. Small rings are runs, marks with bars are means over seeds with "
        "their standard deviation. Grey dotted curves, where there are any, are published ones, as their authors count.",
        lambda sweep: error_density_figure(sweep.groups, sweep.published, sweep.metric),
    ),
    Picture(
        "ranking",
        "Ranking",
        "Test error of each setting, the best on top. Small rings are runs, bars the standard deviation over seeds.",
        lambda sweep: ranking_figure(sweep.groups, sweep.metric),
    ),
]
"""Pictures that need the figures of the runs alone."""

OF_FILES = [
    Picture(
        "stages",
        "Stages",
        f"Validation error and size of the file after each stage: {FRONT}.",
        lambda sweep: stage_profiles(sweep.records),
    ),
    Picture(
        "layers",
        "Layers",
        f"What was kept of each layer, in how many bits and bytes: {FRONT}. A cross is a layer that kept no weight.",
        lambda sweep: layer_profiles(sweep.records),
    ),
    Picture(
        "weights",
        "Weights before and after",
        "Weights that are not 0 of the quantized run with the lowest validation error, in its largest layers: their histogram "
        "before they were quantized, the values that share them in the file with how many weights have each, and the values "
        "that the quantizer first chose.",
        lambda sweep: weights_figure(sweep.weights()),
    ),
    Picture(
        "search_front",
        "Front of the search",
        "All trials of the search, and the front of its two objectives after a quarter, a half and all of them. Below, the area "
        "that the trials so far dominate, in percent of what all of them do.",
        lambda sweep: search_front_figure(sweep.trials()),
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
        except LightexpError as fault:
            yield picture, ReportError(str(fault))
