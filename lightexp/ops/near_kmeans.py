"""A k-means on a line that is better than Lloyd's algorithm finds, in little more time."""

import numpy as np

from lightexp.ops.line import Line

_PARTS = 8
"""A border moves in steps of 1/8 of a cluster, by up to a cluster."""


def shift_borders(line: Line, edges: np.ndarray) -> tuple[np.ndarray, float]:
    """Move all borders at once to the best of 17 places each, within a cluster's width of where they are.

    Lloyd's algorithm stops where no single border gains; a cluster too many on one side of a crowd it never moves to the other.
    Dynamic programming over the 17^(k−1) choices, D_q(j) = min_i D_{q−1}(i) + cost(i, j), does, in 17²·k steps.

    Args:
        edges: where the k clusters begin, and n, ascending int64 of k + 1, each holding something.

    Returns:
        As `edges`, and its Σ (v − c)², no more than before.
    """
    clusters = len(edges) - 1
    places = np.rint(np.interp(np.arange(clusters * _PARTS + 1) / _PARTS, np.arange(clusters + 1), edges)).astype(np.int64)
    window = np.arange(1, clusters)[:, None] * _PARTS + np.arange(-_PARTS, _PARTS + 1)
    window = np.concatenate([np.zeros((1, 2 * _PARTS + 1), int), window, np.full((1, 2 * _PARTS + 1), clusters * _PARTS)])
    sums, squares = line.sums(places), line.squares(places)
    at = [part[window] for part in (places, sums, squares)]
    count, first, second = (part[1:, None, :] - part[:-1, :, None] for part in at)
    cost = np.where(count > 0, np.maximum(second - first * first / np.maximum(count, 1), 0), np.inf)
    best = [cost[0, 0]]
    for step in cost[1:]:
        best.append((best[-1][:, None] + step).min(axis=0))
    chosen = [0]
    for before, step in zip(best[-2::-1], cost[:0:-1], strict=True):
        chosen.append(int((before + step[:, chosen[-1]]).argmin()))
    borders = at[0][np.arange(1, clusters), chosen[:0:-1]]
    return np.concatenate([edges[:1], borders, edges[-1:]]), float(best[-1][0])
