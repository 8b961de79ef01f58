"""The exact optimum of k-means on a line, by dynamic programming within proven bounds."""

from typing import NamedTuple

import numpy as np


class _Sums(NamedTuple):
    """Running sums of the numbers and of their squares, n + 1 each: what the cost of a cluster is made of."""

    first: np.ndarray
    second: np.ndarray

    def cost(self, begin: np.ndarray, end: np.ndarray) -> np.ndarray:
        """Σ (v − mean)² of the numbers begin … end − 1; 0 for none."""
        count = end - begin
        first, second = self.first[end] - self.first[begin], self.second[end] - self.second[begin]
        return np.where(count > 1, np.maximum(second - first * first / np.maximum(count, 1), 0), 0)

    def mirrored(self) -> "_Sums":
        return _Sums(-self.first[::-1], -self.second[::-1])


class _Nodes(NamedTuple):
    """Places where a border between clusters may stand: the cluster behind it begins at `begin`, the one before ends at `end`.

    windows: for each of the k − 1 borders the first and the last node that come into question, (k − 1)×2, ascending.
    """

    begin: np.ndarray
    end: np.ndarray
    windows: np.ndarray


def exact_borders(ordered: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """The borders of the clustering of least Σ (v − c)² among all with as many clusters.

    D_q(j) = min_i D_{q−1}(i) + cost(i, j) over sorted numbers takes O(k n log n), since the best i never falls as j grows, but
    seconds by the hundred for a million numbers. So it is solved on blocks first: without the numbers of the blocks that
    borders stand in, it gives lower bounds from both ends; a border stands in no block where their sum exceeds what a known
    clustering costs. What is left shrinks with the blocks, down to single numbers.

    Args:
        ordered: n numbers, ascending, of at least k distinct values.
        edges: where the k clusters of a good clustering begin, and n, ascending int64 of k + 1.

    Returns:
        As `edges`. Exact up to the rounding of float64 sums; memory is that of four float64 copies and the windows.
    """
    count, clusters = len(ordered), len(edges) - 1
    centred = ordered.astype(np.float64)
    centred -= centred.mean()
    sums = _Sums(*(np.concatenate([[0.0], np.cumsum(part)]) for part in (centred, centred * centred)))
    most = float(sums.cost(edges[:-1], edges[1:]).sum())
    windows = np.tile([0, count - 1], (clusters - 1, 1))
    if clusters == 1:
        return edges
    for starts in _partitions(ordered, clusters):
        windows = _possible(sums, starts, np.searchsorted(starts, windows, side="right") - 1, most)
    places = np.arange(count)
    return _best(sums, _Nodes(places, places, windows))


def _partitions(ordered: np.ndarray, clusters: int) -> list[np.ndarray]:
    """Where blocks start, and n: 8 blocks for each cluster that a density of p^(1/3) would have, then four times as many …

    Each holds all places of the one before.
    """
    count = len(ordered)
    mass = np.concatenate([[0.0], np.cumsum(np.diff(ordered, append=ordered[-1:]).astype(np.float64) ** (2 / 3))])
    parts = 8 * clusters
    while 16 * parts < count:
        parts *= 4
    finest = np.searchsorted(mass[:-1], np.arange(parts + 1) / parts * mass[-1])
    finest[0], finest[-1] = 0, count
    found = []
    while parts >= 8 * clusters:
        found.append(np.unique(finest))
        finest, parts = finest[::4], parts // 4
    return found[::-1]


def _possible(sums: _Sums, starts: np.ndarray, windows: np.ndarray, most: float) -> np.ndarray:
    """For each border the first and the last place where it may stand if the whole is to cost no more than `most`."""
    blocks = len(starts) - 1
    first, last, count = starts[:-1], starts[1:] - 1, len(sums.first) - 1
    room = most * (1 + 1e-9) + 1e-12 * sums.second[-1]  # for rounding
    forward = _bounds(sums, _Nodes(last, first, windows))
    mirrored = _Nodes((count - first)[::-1], (count - last)[::-1], blocks - 1 - windows[::-1, ::-1])
    backward = _bounds(sums.mirrored(), mirrored)
    kept = np.empty_like(windows)
    for border, (low, before, behind) in enumerate(zip(windows[:, 0], forward, backward[::-1], strict=True)):
        open_ = low + np.flatnonzero(before + behind[::-1] <= room)
        kept[border] = first[open_[0]], last[open_[-1]]
    # Borders come in order.
    return np.stack([np.maximum.accumulate(kept[:, 0]), np.minimum.accumulate(kept[::-1, 1])[::-1]], axis=1)


def _bounds(sums: _Sums, nodes: _Nodes) -> list[np.ndarray]:
    """D_q over the window of border q, for each."""
    low, high = nodes.windows[0]
    costs = [sums.cost(np.zeros(high - low + 1, np.int64), nodes.end[low : high + 1])]
    for before, window in zip(nodes.windows, nodes.windows[1:], strict=False):
        costs.append(_step(sums, nodes, before, costs[-1], window)[0])
    return costs


def _best(sums: _Sums, nodes: _Nodes) -> np.ndarray:
    """The best borders at the nodes."""
    low, high = nodes.windows[0]
    cost = sums.cost(np.zeros(high - low + 1, np.int64), nodes.end[low : high + 1])
    choices = []
    for before, window in zip(nodes.windows, nodes.windows[1:], strict=False):
        cost, choice = _step(sums, nodes, before, cost, window)
        choices.append(choice.astype(np.int32))
    low, high = nodes.windows[-1]
    count = len(sums.first) - 1
    whole = cost + sums.cost(nodes.begin[low : high + 1], np.full(high - low + 1, count))
    at = [low + int(np.argmin(whole))]
    for choice, (low, _) in zip(reversed(choices), nodes.windows[:0:-1], strict=True):
        at.append(int(choice[at[-1] - low]))
    return np.concatenate([[0], nodes.begin[at[::-1]], [count]])


def _step(
    sums: _Sums, nodes: _Nodes, before: np.ndarray, costs: np.ndarray, window: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """D_q over `window`, and the node of border q − 1 that gives it, from the `costs` D_{q−1} over the window `before`.

    Divide and conquer, all nodes of a depth at once: the choices of a node's neighbours, made before, enclose its own.
    """
    (first, last), (low, high) = before, window
    size = high - low + 1
    found, choice = np.empty(size), np.empty(size, np.int64)
    stride = 1 << (int(size).bit_length() - 1)
    while stride:
        place = np.arange(stride - 1, size, 2 * stride)
        node = low + place
        least = np.where(place >= stride, choice[place - stride], first)
        right = place + stride
        most = np.minimum(np.where(right < size, choice[np.minimum(right, size - 1)], last), node)
        counts = most - least + 1
        offsets = np.cumsum(counts) - counts
        owner = np.repeat(np.arange(len(place)), counts)
        candidate = np.arange(len(owner)) + (least - offsets)[owner]
        cost = costs[candidate - first] + sums.cost(nodes.begin[candidate], nodes.end[node][owner])
        found[place] = np.minimum.reduceat(cost, offsets)
        hits = np.flatnonzero(cost == found[place][owner])[::-1]
        # Written from the back, so that the first of equals stays.
        choice[place[owner[hits]]] = candidate[hits]
        stride //= 2
    return found, choice
