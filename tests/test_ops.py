"""The pure functions: exact selection, k-means on a line, uniform steps, gradients."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from sklearn.cluster import KMeans

from lightexp.ops.assign import assign
from lightexp.ops.gradients import gather, straight_through
from lightexp.ops.kmeans import kmeans_1d
from lightexp.ops.select import keep_largest
from lightexp.ops.uniform import to_integers

INF = float("inf")
STARTS = ["linear", "density", "random"]
WEIGHTS = st.floats(-8, 8, width=32)
LINES = hnp.arrays(np.float64, st.integers(1, 60), elements=WEIGHTS)


def kept(scores: list[float], count: int) -> list[int]:
    return torch.nonzero(keep_largest(torch.tensor(scores), count)).reshape(-1).tolist()


def inertia(values: np.ndarray, centroids: np.ndarray) -> float:
    return float(np.square(values - centroids[assign(values, centroids)]).sum())


# Selection


@pytest.mark.parametrize(
    ("scores", "count", "indices"),
    [
        ([1.0, 4.0, 2.0, 3.0], 2, [1, 3]),
        ([1.0, 4.0, 2.0, 3.0], 0, []),
        ([1.0, 4.0, 2.0, 3.0], 4, [0, 1, 2, 3]),
        ([2.0, 1.0, 2.0, 2.0], 2, [0, 2]),  # at a tie the lower index
        ([-INF, 0.0, -INF, -5.0], 2, [1, 3]),
        ([-INF, 0.0, -INF, -5.0], 3, [0, 1, 3]),  # what is dead comes last, but is counted
        ([INF, 0.0, INF, INF], 1, [0]),
    ],
)
def test_keep_largest_by_hand(scores, count, indices):
    assert kept(scores, count) == indices


def test_keep_largest_refuses_nan():
    with pytest.raises(ValueError, match="NaN"):
        keep_largest(torch.tensor([1.0, float("nan")]), 1)


@given(st.lists(st.sampled_from([-INF, -1.0, 0.0, 0.5, 1.0, INF]) | WEIGHTS, min_size=1, max_size=40), st.data())
def test_keep_largest_keeps_exactly_as_many_and_none_below_one_it_drops(scores, data):
    count = data.draw(st.integers(0, len(scores)))
    scores = torch.tensor(scores).reshape(1, -1, 1)
    mask = keep_largest(scores, count)
    assert (mask.shape, mask.dtype, int(mask.sum())) == (scores.shape, torch.bool, count)
    if 0 < count < scores.numel():
        assert scores[mask].min() >= scores[~mask].max()


# k-means


@pytest.mark.parametrize("start", STARTS)
def test_kmeans_by_hand(start):
    # Two clear groups: (0 + 1 + 2) / 3 = 1 and (10 + 12) / 2 = 11.
    values = np.array([10.0, 0.0, 2.0, 12.0, 1.0])
    assert kmeans_1d(values, 2, start).tolist() == [1.0, 11.0]
    assert kmeans_1d(values, 1, start).tolist() == [5.0]
    assert kmeans_1d(values, 5, start).tolist() == kmeans_1d(values, 9, start).tolist() == [0.0, 1.0, 2.0, 10.0, 12.0]
    assert kmeans_1d(np.full((2, 3), -0.5), 4, start).tolist() == [-0.5]


def test_a_centroid_without_values_goes_where_they_are_spread_most():
    # Centroids 0, 5, 10 split {0, 1, 8, 10} at 2.5 and 7.5: means 0.5 and 9, and the middle one has nothing. {8, 10} is spread
    # more than {0, 1}, so it goes to its ends.
    assert kmeans_1d(np.array([0.0, 1.0, 8.0, 10.0]), 3, "linear").tolist() == [0.5, 8.0, 10.0]


@pytest.mark.parametrize("start", ["linear", "density"])
@pytest.mark.parametrize("clusters", [3, 7, 15])
def test_the_gap_that_pruning_leaves_costs_no_cluster(start, clusters):
    values = np.random.default_rng(0).normal(size=20_000)
    values = values[np.abs(values) > 1.5]
    centroids = kmeans_1d(values, clusters, start)
    assert len(centroids) == clusters
    theirs = KMeans(clusters, n_init=1, random_state=0).fit(values[:, None]).inertia_
    assert inertia(values, centroids) < 1.03 * theirs


def test_assign_takes_the_nearest_and_the_lower_at_a_tie():
    assert assign(np.array([-9.0, 0.9, 1.0, 1.1, 3.0, 99.0]), np.array([0.0, 2.0, 4.0])).tolist() == [0, 0, 0, 1, 1, 2]
    assert assign(np.array([-1.0, 1.0]), np.array([0.0])).tolist() == [0, 0]


@given(LINES, st.integers(1, 12), st.sampled_from(STARTS), st.integers(0, 3))
def test_kmeans_ends_at_a_fixed_point_of_lloyd(values, clusters, start, seed):
    centroids = kmeans_1d(values, clusters, start, seed)
    assert len(centroids) == min(clusters, len(np.unique(values)))
    assert (np.diff(centroids) > 0).all()
    nearest = np.abs(values[:, None] - centroids).min(axis=1)
    codes = assign(values, centroids)
    np.testing.assert_allclose(np.abs(values - centroids[codes]), nearest, rtol=0, atol=1e-12)
    means = [values[codes == code].mean() for code in range(len(centroids))]  # also: no cluster is empty
    np.testing.assert_allclose(centroids, means, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize(("start", "ratio"), [("density", 1.02), ("random", 1.05), ("linear", 1.15)])
@pytest.mark.parametrize("sample", [0, 1])
def test_kmeans_is_as_good_as_scikit_learns(sample, start, ratio):
    values = np.random.default_rng(sample).normal(size=5000)
    ours = inertia(values, kmeans_1d(values, 15, start))
    theirs = [KMeans(15, n_init=1, tol=0, random_state=seed).fit(values[:, None]).inertia_ for seed in range(3)]
    assert ours < ratio * np.mean(theirs)


def test_random_start_follows_its_seed():
    values = np.random.default_rng(0).normal(size=200)
    first, again, other = (kmeans_1d(values, 8, "random", seed) for seed in (1, 1, 2))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


# Uniform steps


def test_to_integers_by_hand():
    values = torch.tensor([0.0, -0.0, 0.24, 0.26, -0.75, 9.0, -9.0])
    # / 0.5 = 0, 0, 0.48, 0.52, −1.5 (to the even −2), 18, −18, clamped to 3.
    assert to_integers(values, torch.tensor(0.5), 3).tolist() == [0, 0, 0, 1, -2, 3, -3]


# Gradients


def test_straight_through_has_the_value_of_one_and_the_gradient_of_the_other():
    x = torch.tensor([0.3, -1.7], requires_grad=True)
    y = straight_through(x.round(), 2 * x)
    assert y.tolist() == [0.0, -2.0]
    assert torch.autograd.grad(y.sum(), x)[0].tolist() == [2.0, 2.0]


def test_gather_sums_the_gradients_of_shared_entries_by_hand():
    table = torch.tensor([5.0, 6.0, 7.0, 8.0], requires_grad=True)
    codes = torch.tensor([[0, 2], [2, 0]], dtype=torch.uint8)
    out = gather(table, codes)
    assert out.tolist() == [[5.0, 7.0], [7.0, 5.0]]
    out.backward(torch.tensor([[1.0, 10.0], [100.0, 1000.0]]))
    assert table.grad.tolist() == [1001.0, 0.0, 110.0, 0.0]


@pytest.mark.parametrize("dtype", [torch.uint8, torch.int32, torch.int64])
def test_gather_has_the_gradient_of_indexing(dtype):
    torch.manual_seed(0)
    table = torch.randn(9, dtype=torch.float64, requires_grad=True)
    codes = torch.randint(9, (4, 3, 3), dtype=dtype)
    weights = torch.randn(4, 3, 3, dtype=torch.float64)
    expected = torch.autograd.grad((table[codes.long()].sin() * weights).sum(), table)[0]
    torch.testing.assert_close(torch.autograd.grad((gather(table, codes).sin() * weights).sum(), table)[0], expected)
    assert torch.autograd.gradcheck(lambda t: gather(t, codes), table)
