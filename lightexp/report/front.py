"""The Pareto front of two figures that should both be small."""

from collections.abc import Sequence

import numpy as np

Point = tuple[float, float]


def on_front(points: Sequence[Point]) -> np.ndarray:
    """Whether each point is dominated by none: no other is at most as large in both figures and smaller in one."""
    best, front = float("inf"), np.zeros(len(points), dtype=bool)
    kept: Point | None = None
    for place in sorted(range(len(points)), key=lambda place: tuple(points[place])):
        point = tuple(points[place])
        front[place] = point[1] < best or point == kept
        if front[place]:
            best, kept = point[1], point
    return front


def hypervolume(points: Sequence[Point], reference: Point) -> float:
    """Area between the reference and what the points dominate, S of Zitzler & Thiele 1998; 0 where none is below it in both."""
    inside = sorted(point for point in points if point[0] < reference[0] and point[1] < reference[1])
    area, lowest = 0.0, reference[1]
    for x, y in inside:
        area += (reference[0] - x) * max(0.0, lowest - y)
        lowest = min(lowest, y)
    return area
