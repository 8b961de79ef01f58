"""k-means on a line: the optimum against brute force, bounds that hold, sums that are exact, one codebook for a whole net."""

import copy
from functools import partial
from itertools import combinations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from torch import nn

from lightexp.artifact import decode, encode
from lightexp.artifact.container import parse
from lightexp.models import MLP, build, net_spec
from lightexp.ops.assign import assign
from lightexp.ops.kmeans import kmeans_1d
from lightexp.ops.line import Line
from lightexp.ops.near_kmeans import shift_borders
from lightexp.ops.sort import ascending
from lightexp.quantize import KMeans, LayerWeight
from lightexp.reparam import codes_of, layers, quantizer_of, rebuild, set_mask, set_quantizer, spec_of

WEIGHTS = st.floats(-8, 8, width=32) | st.sampled_from([0.0, -0.0, 1.0, 1e-30])
KINDS = {
    "normal": lambda random, size: random.normal(size=size),
    "heavy": lambda random, size: random.standard_t(3, size=size),
    "rounded": lambda random, size: random.normal(size=size).round(1),
    "pruned": lambda random, size: (np.abs(random.normal(size=size)) + 1) * random.choice([-1, 1], size),
    "far": lambda random, size: 100 + random.uniform(size=size),
}


def weights(kind: str, size: int, seed: int = 0) -> np.ndarray:
    return KINDS[kind](np.random.default_rng(seed), size).astype(np.float32)


def inertia(values: np.ndarray, centroids: np.ndarray) -> float:
    return float(np.square(values.astype(np.float64) - centroids[assign(values, centroids)]).sum())


def brute_force(values: np.ndarray, clusters: int) -> float:
    ordered = np.sort(values.astype(np.float64))
    cuts = combinations(range(1, len(ordered)), min(clusters, len(ordered)) - 1)
    return min(sum(np.square(part - part.mean()).sum() for part in np.split(ordered, cut)) for cut in cuts)


def test_the_optimum_by_hand():
    # {0}, {4, 5, 6}, {10} cost 0 + 2 + 0 = 2; the next best, {0}, {4, 5}, {6, 10}, 0.5 + 8.
    assert kmeans_1d(np.array([0.0, 4, 5, 6, 10]), 3, "exact").tolist() == [0.0, 5.0, 10.0]


def test_lloyd_is_stuck_where_the_optimum_is_not():
    # Two clusters for the pair on the left and one for the two pairs on the right is a fixed point of Lloyd's.
    values = np.array([0.0, 1.0, 10.0, 11.0, 12.0, 13.0] + [40.0, 42.0])
    stuck = np.array([0.0, 1.0, (10 + 11 + 12 + 13) / 4, 41.0])
    codes = assign(values, stuck)
    assert [values[codes == code].mean() for code in range(4)] == stuck.tolist()
    best = kmeans_1d(values, 4, "exact")
    assert best.tolist() == [0.5, 10.5, 12.5, 41.0]
    assert inertia(values, best) == 3.5 < inertia(values, stuck) == 7.0


@given(hnp.arrays(np.float32, st.integers(1, 10), elements=WEIGHTS), st.integers(1, 10))
def test_exact_is_as_good_as_trying_everything(values, clusters):
    found = inertia(values, kmeans_1d(values, clusters, "exact"))
    assert found == pytest.approx(brute_force(values, clusters), rel=1e-9, abs=1e-9)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("clusters", [2, 15, 40])
def test_exact_is_the_optimum_where_blocks_bound_it(kind, clusters):
    values = weights(kind, 2000)
    ordered = np.sort(values).astype(np.float64)
    ordered -= ordered.mean()
    first, second = (np.concatenate([[0], np.cumsum(part)]) for part in (ordered, ordered**2))
    count = np.arange(2001) - np.arange(2001)[:, None]
    cost = second - second[:, None] - (first - first[:, None]) ** 2 / np.maximum(count, 1)
    cost[count < 0] = np.inf
    least = cost[0]
    for _ in range(clusters - 1):  # D_q(j) = min_i D_{q−1}(i) + cost(i, j), all i for all j
        least = (least[:, None] + cost).min(axis=0)
    exact, near, plain = (inertia(values, kmeans_1d(values, clusters, start)) for start in ("exact", "density", "linear"))
    assert exact == pytest.approx(least[-1], rel=1e-6)
    assert exact <= near * (1 + 1e-9)
    assert exact <= plain * (1 + 1e-9)
    # Among few distinct values what counts is which of them are put together, and no density says that.
    assert near <= (1.05 if kind == "rounded" else 1.01) * exact


@given(hnp.arrays(np.float32, st.integers(1, 80), elements=WEIGHTS), st.integers(1, 12), st.integers(0, 3))
def test_exact_is_a_fixed_point_of_lloyd_and_no_start_is_better(values, clusters, seed):
    exact = kmeans_1d(values, clusters, "exact")
    assert len(exact) == min(clusters, len(np.unique(values)))
    means = [values[assign(values, exact) == code].mean(dtype=np.float64) for code in range(len(exact))]
    np.testing.assert_allclose(exact, means, rtol=1e-9, atol=1e-12)
    for start in ("linear", "density", "random"):
        other = kmeans_1d(values, clusters, start, seed)
        assert inertia(values, exact) <= inertia(values, other) * (1 + 1e-9) + 1e-9
        assert np.array_equal(other, kmeans_1d(values, clusters, start, seed))


@pytest.mark.parametrize("start", ["linear", "density", "random", "exact"])
def test_values_that_sums_cannot_tell_apart_are_told_apart(start):
    # 1 + 1e-18 is 1 in float64.
    values = np.array([-1.0, 0.0, 2.4e-23, 1.2e-18, 1.0, 1.5, 2.0, 3.0, 4.0, 5.0])
    centroids = kmeans_1d(values, 9, start)
    assert len(centroids) == 9
    assert (np.diff(centroids) > 0).all()
    assert len(np.unique(assign(values, centroids))) == 9


@pytest.mark.parametrize("kind", KINDS)
def test_shifted_borders_cost_what_they_say_and_no_more_than_before(kind):
    line = Line(weights(kind, 5000))
    before = line.edges(kmeans_1d(line.values, 20, "linear"))
    after, cost = shift_borders(line, before)
    costs = [sum(np.square(part - part.mean()).sum() for part in np.split(line.values.astype(np.float64), edges[1:-1]))
             for edges in (before, after)]  # fmt: skip
    assert cost == pytest.approx(costs[1], rel=1e-6)
    assert costs[1] <= costs[0] * (1 + 1e-9)
    assert (np.diff(after) > 0).all()


@given(hnp.arrays(st.sampled_from([np.float32, np.float64]), st.integers(1, 70), elements=WEIGHTS), st.data())
def test_sums_of_a_line_are_exact_at_any_place(values, data):
    line, ordered = Line(values), np.sort(values).astype(np.float64)
    ends = np.array(data.draw(st.lists(st.integers(0, len(values)), min_size=1)))
    assert (line.values.dtype, len(line.values)) == (values.dtype, len(values))
    np.testing.assert_allclose(line.sums(ends), [ordered[:end].sum() for end in ends], rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(line.squares(ends), [np.square(ordered[:end]).sum() for end in ends], rtol=1e-12, atol=1e-12)


@settings(max_examples=20)
@given(
    st.sampled_from([np.float32, np.float64]),
    st.sampled_from(sorted(KINDS)),
    st.integers(65_000, 150_000),
    st.floats(-3, 3),
)
def test_the_fast_sort_is_a_sort(dtype, kind, size, offset):
    values = (weights(kind, size) + offset).astype(dtype)
    np.testing.assert_array_equal(ascending(values), np.sort(values))


@pytest.mark.parametrize("values", [np.zeros(70_000), np.r_[np.zeros(70_000), 1e30], np.geomspace(1e-300, 1e300, 70_000)])
def test_the_fast_sort_takes_what_no_cells_fit(values):
    np.testing.assert_array_equal(ascending(values[::-1]), values)


@settings(max_examples=20)
@given(
    st.sampled_from([np.float32, np.float64]),
    st.sampled_from(sorted(KINDS)),
    st.lists(st.floats(-1, 1) | st.floats(-200, 200) | st.just(1e30), min_size=1, max_size=40, unique=True).map(sorted),
)
def test_many_values_are_assigned_as_a_search_says(dtype, kind, centroids):
    values, centroids = weights(kind, 70_000).astype(dtype), np.array(centroids)
    borders = (centroids[1:] + centroids[:-1]) / 2
    values[: len(borders)] = borders  # ties go to the lower one
    np.testing.assert_array_equal(assign(values, centroids), np.searchsorted(borders, values.astype(np.float64), side="left"))


# One codebook for the net


def shared_net() -> nn.Module:
    """3 clusters over both layers; half of the first is pruned."""
    torch.manual_seed(0)
    net = build(partial(MLP, widths=[5]), (1, 2, 2), 3)
    found = layers(net)
    first = next(iter(found.values()))
    set_mask(first, torch.arange(first.weight.numel()).reshape(first.weight.shape) % 2 == 0)
    given_weights = {name: LayerWeight(layer.weight.detach(), layer.weight != 0) for name, layer in found.items()}
    for name, codebook in KMeans(3, scope="net").fit(given_weights, 0, None).items():
        set_quantizer(found[name], codebook)
    return net


def tables(net: nn.Module) -> list[nn.Parameter]:
    return [quantizer_of(layer).table for layer in layers(net).values()]


def test_one_codebook_for_the_net_by_hand():
    given_weights = {"a": torch.tensor([[-1.0, 5.0, 0.0]]), "b": torch.tensor([[-3.0, 6.0], [4.0, 0.0]])}
    found = KMeans(2, scope="net").fit({n: LayerWeight(w, w != 0) for n, w in given_weights.items()}, 0, None)
    assert found["a"].table is found["b"].table
    assert found["a"].table.tolist() == [-2.0, 5.0]
    assert found["a"].codes.tolist() == [[1, 2, 0]]
    assert found["b"].codes.tolist() == [[1, 2], [2, 0]]


def test_a_shared_codebook_gets_the_gradient_of_the_whole_net_and_one_step():
    net = shared_net()
    one, other = tables(net)
    assert one is other
    assert sum(parameter is one for parameter in net.parameters()) == 1
    parts = [torch.autograd.grad(layer.weight.sum(), one)[0] for layer in layers(net).values()]
    assert torch.equal(torch.autograd.grad(sum(layer.weight.sum() for layer in layers(net).values()), one)[0], sum(parts))
    counts = sum(torch.bincount(codes_of(layer).codes.reshape(-1), minlength=4)[1:] for layer in layers(net).values())
    assert torch.equal(sum(parts), counts.float())


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda net: rebuild(build(partial(MLP, widths=[5]), (1, 2, 2), 3),
                                                                         spec_of(net), net.state_dict())])  # fmt: skip
def test_a_copy_shares_its_own_codebook(copied):
    net = shared_net()
    again = copied(net)
    one, other = tables(again)
    assert one is other
    assert one is not tables(net)[0]
    assert spec_of(again) == spec_of(net)
    optimizer = torch.optim.SGD([p for p in again.parameters() if p.requires_grad], lr=0.1, momentum=0.9)
    again(torch.ones(2, 1, 2, 2)).square().sum().backward()
    optimizer.step()
    assert len(torch.cat([layer.weight.reshape(-1) for layer in layers(again).values()]).unique()) == 4
    assert not torch.equal(one, tables(net)[0])


def test_a_shared_codebook_is_stored_once():
    net = shared_net()
    header = {"model": net_spec(partial(MLP, widths=[5]), (1, 2, 2), 3), "data": "", "mean": [0.0], "std": [1.0]}
    alone = copy.deepcopy(net)
    for layer in layers(alone).values():
        quantizer_of(layer).table = nn.Parameter(tables(net)[0].detach() + torch.rand(1))
    decoded = decode(encode(net, header))
    assert [len(parse(encode(each, header)).tables) for each in (net, alone)] == [1, 2]
    assert all(torch.equal(layers(decoded)[name].weight, layer.weight) for name, layer in layers(net).items())


@pytest.mark.parametrize("scope", ["tensor", "net"])
@pytest.mark.parametrize("start", ["density", "exact"])
def test_a_layer_with_fewer_weights_than_clusters_gets_as_many_as_it_has(scope, start):
    weight = torch.tensor([[1.0, 2.0, 2.0, -3.0]])
    codebook = KMeans(300, start, scope).fit({"": LayerWeight(weight, weight != 0)}, 0, None)[""]
    assert codebook.table.tolist() == [-3.0, 1.0, 2.0]
    assert codebook.codes.tolist() == [[2, 3, 3, 1]]
