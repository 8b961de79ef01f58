"""k-means on a line, the clustering behind weight sharing."""

from typing import Literal

import numpy as np

Start = Literal["linear", "density", "random"]


def kmeans_1d(values: np.ndarray, clusters: int, start: Start = "density", seed: int = 0, rounds: int = 300) -> np.ndarray:
    """Cluster numbers by Lloyd's algorithm on their sorted values, where a round costs O(k log n) thanks to prefix sums.

    Args:
        values: float array of any shape, finite, not empty.
        clusters: k ≥ 1; fewer come back where there are fewer distinct values.
        start: initial centroids equally spaced over the range (`linear`, best for large weights in Han et al. 2016), with a
            density proportional to p^(1/3), the optimum for many levels (`density`, Panter & Dite 1951), or values drawn at
            random (`random`).

    Returns:
        Centroids, float64, ascending, distinct, each the mean of its own values: a fixed point of Lloyd's algorithm.
    """
    ordered = np.sort(np.asarray(values, dtype=np.float64).reshape(-1))
    distinct = np.unique(ordered)
    if len(distinct) <= clusters:
        return distinct
    sums = np.concatenate([[0.0], np.cumsum(ordered)])
    centroids = _initial(ordered, distinct, clusters, start, seed)
    for _ in range(rounds):
        borders = np.searchsorted(ordered, (centroids[1:] + centroids[:-1]) / 2, side="right")
        edges = np.concatenate([[0], borders, [len(ordered)]])
        taken = np.diff(edges) > 0
        first, counts = edges[:-1][taken], np.diff(edges)[taken]
        means = np.diff(sums[edges])[taken] / counts
        if len(means) == len(centroids) == clusters and np.allclose(means, centroids, rtol=1e-12, atol=0):
            break
        # A centroid without values, as in the gap that pruning leaves around 0, goes to the cluster that is spread most.
        spread = counts * (ordered[first + counts - 1] - ordered[first]) ** 2
        split = np.argsort(-spread, kind="stable")[: clusters - len(means)]
        centroids = np.unique(np.concatenate([means, ordered[first[split[spread[split] > 0]]]]))
    return np.unique(centroids)


def assign(values: np.ndarray, centroids: np.ndarray) -> np.ndarray:
    """Index of the nearest of the ascending `centroids` for each value, the lower one at a tie."""
    return np.searchsorted((centroids[1:] + centroids[:-1]) / 2, values, side="left")


def _initial(ordered: np.ndarray, distinct: np.ndarray, clusters: int, start: Start, seed: int) -> np.ndarray:
    if start == "linear":
        return np.linspace(ordered[0], ordered[-1], clusters)
    if start == "random":
        return np.sort(np.random.default_rng(seed).choice(distinct, clusters, replace=False))
    # The gap that spans m sorted values estimates the density there as m / gap, so p^(1/3) dx is gap^(2/3) up to a constant.
    step = max(1, len(distinct) // (20 * clusters))
    knots = np.append(distinct[:-1:step], distinct[-1])
    mass = np.concatenate([[0.0], np.cumsum(np.diff(knots) ** (2 / 3))])
    targets = (np.arange(clusters) + 0.5) / clusters * mass[-1]
    return np.unique(np.interp(targets, mass, knots))
