"""k-means on a line, the clustering behind weight sharing."""

from typing import Literal

import numpy as np

from lightexp.ops.exact_kmeans import exact_borders
from lightexp.ops.line import Line
from lightexp.ops.near_kmeans import shift_borders

Start = Literal["linear", "density", "random", "exact"]

_GAIN = 3e-3
"""Borders are shifted as long as that lowers Σ (v − c)² by this share."""


def kmeans_1d(values: np.ndarray, clusters: int, start: Start = "density", seed: int = 0, rounds: int = 100) -> np.ndarray:
    """Cluster numbers by Lloyd's algorithm on their sorted values, where a round costs O(k log n).

    Args:
        values: float array of any shape, finite, not empty. It takes 1.75 times its memory on top.
        clusters: k ≥ 1; fewer come back where there are fewer distinct values.
        start: initial centroids equally spaced over the range (`linear`, best for large weights in Han et al. 2016), values
            drawn at random (`random`), a density proportional to p^(1/3), the optimum for many levels (Panter & Dite 1951),
            whose borders are then shifted together (`density`), or the least Σ (v − c)² of all, from where Lloyd has nowhere to
            go (`exact`).

    Returns:
        Centroids, float64, ascending, distinct, each the mean of its own values: a fixed point of Lloyd's algorithm, or where it
        stands after `rounds`.
    """
    line = Line(values)
    few = line.distinct(clusters)
    if few is not None:
        return few
    centroids = _START[start](line, clusters, seed)
    return _lloyd(line, centroids, clusters, rounds)


def _lloyd(line: Line, centroids: np.ndarray, clusters: int, rounds: int) -> np.ndarray:
    last = None
    for _ in range(rounds):
        edges = line.edges(centroids)
        if last is not None and np.array_equal(edges, last):
            break
        if len(centroids) == clusters and np.diff(edges).all():
            centroids, last = line.means(edges), edges
        else:
            centroids, last = _refill(line, np.unique(edges), clusters), None
    return centroids


def _refill(line: Line, edges: np.ndarray, clusters: int) -> np.ndarray:
    """A centroid without values, as in the gap that pruning leaves around 0, goes to the cluster that is spread most: that one
    begins anew from its two ends."""
    starts, ends = (line.values[at].astype(np.float64) for at in (edges[:-1], edges[1:] - 1))
    spread = np.diff(edges) * (ends - starts) ** 2
    split = np.argsort(-spread, kind="stable")[: clusters + 1 - len(edges)]
    centroids = line.means(edges)
    centroids[split] = starts[split]
    return np.unique(np.concatenate([centroids, ends[split]]))


def _linear(line: Line, clusters: int, seed: int) -> np.ndarray:
    return np.linspace(line.values[0], line.values[-1], clusters, dtype=np.float64)


def _random(line: Line, clusters: int, seed: int) -> np.ndarray:
    return np.unique(np.random.default_rng(seed).choice(line.values, clusters, replace=False)).astype(np.float64)


def _density(line: Line, clusters: int, seed: int) -> np.ndarray:
    # The gap that m sorted values span says that the density there is m / gap, so ∫ p^(1/3) over it is m^(1/3)·gap^(2/3).
    count = len(line.values)
    tail = np.geomspace(1, count, 256).astype(np.int64) - 1  # at the ends single values count
    ranks = np.unique(np.concatenate([tail, np.arange(0, count, max(1, count // (20 * clusters))), count - 1 - tail]))
    knots = line.values[ranks].astype(np.float64)
    mass = np.concatenate([[0.0], np.cumsum(np.diff(ranks) ** (1 / 3) * np.diff(knots) ** (2 / 3))])
    targets = (np.arange(clusters) + 0.5) / clusters * mass[-1]
    centroids = _lloyd(line, np.unique(np.interp(targets, mass, knots)), clusters, 5)
    cost = np.inf
    while len(centroids) == clusters > 1:
        edges = line.edges(centroids)
        if not np.diff(edges).all():
            break
        edges, shifted = shift_borders(line, edges)
        centroids = _lloyd(line, line.means(edges), clusters, 5)
        if not shifted < (1 - _GAIN) * cost:
            break
        cost = shifted
    return centroids


def _exact(line: Line, clusters: int, seed: int) -> np.ndarray:
    edges = exact_borders(line.values, line.edges(_lloyd(line, _density(line, clusters, seed), clusters, 100)))
    return line.means(np.unique(edges))


_START = {"linear": _linear, "random": _random, "density": _density, "exact": _exact}
