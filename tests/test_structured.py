"""Groups of weights that are cut whole: which belong together, how many stay, and what cannot be asked for."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn

from lightexp.errors import ConfigError
from lightexp.models import LeNet5
from lightexp.prune import Blocks, Columns, Filters, Rows, Structured
from lightexp.reparam import layers, mask_of
from lightexp.stages import Context, Prune

DEAD = -math.inf
ALL = [Blocks(rows=2, columns=2), Rows(), Columns(), Filters()]


def masks(allocation: Structured, scores: dict[str, Tensor], sparsity: float) -> dict[str, list]:
    return {name: mask.int().tolist() for name, mask in allocation(scores, sparsity).items()}


def kept(parts: dict[str, Tensor]) -> int:
    return sum(int(mask.sum()) for mask in parts.values())


# By hand

SCORES = {
    "first": torch.tensor([[5.0, 1.0], [3.0, 2.0], [0.0, 1.0]]),  # rows of mean 3, 2.5, 0.5; columns of 8/3, 4/3
    "last": torch.tensor([[9.0, 0.0, 2.0], [1.0, 0.0, 4.0]]),  # columns of mean 5, 0, 3
}


def test_rows_by_hand():
    # The last layer's 6 stay; of 12, round(12/6) = 2 go, the row of 0.5.
    assert masks(Rows(), SCORES, 1 / 6) == {"first": [[1, 1], [1, 1], [0, 0]], "last": [[1, 1, 1], [1, 1, 1]]}
    # 8 asked for is met by one row of 2 beside the 6.
    assert masks(Rows(), SCORES, 1 / 3) == {"first": [[1, 1], [0, 0], [0, 0]], "last": [[1, 1, 1], [1, 1, 1]]}


def test_columns_by_hand():
    # Columns by mean: 5, 3 and 8/3 of 2, 2 and 3 weights, then 4/3 and 0. The first three are 7 of 12.
    assert masks(Columns(), SCORES, 5 / 12) == {"first": [[1, 0], [1, 0], [1, 0]], "last": [[1, 0, 1], [1, 0, 1]]}
    # Each layer's best stays though the other's second is better: 3 + 2. Of 5 and 7, equally near to 6, it is the fewer.
    assert masks(Columns(), SCORES, 7 / 12) == {"first": [[1, 0], [1, 0], [1, 0]], "last": [[1, 0, 0], [1, 0, 0]]}
    assert masks(Columns(), SCORES, 1 / 2) == masks(Columns(), SCORES, 7 / 12)


def test_blocks_by_hand():
    # Tiles of 1 × 2 in a filter's row of 2 channels × 2: means 1, 4 and 2, 3; the bottom left is 2.
    scores = {"a": torch.tensor([[[0.0, 2.0], [3.0, 5.0]], [[2.0, 2.0], [1.0, 5.0]]])}
    assert masks(Blocks(rows=1, columns=2), scores, 0.5) == {"a": [[[0, 0], [1, 1]], [[0, 0], [1, 1]]]}
    # Of 2 × 2: 1.5 and 3.5.
    assert masks(Blocks(rows=2, columns=2), scores, 0.5) == {"a": [[[0, 0], [1, 1]], [[0, 0], [1, 1]]]}
    assert masks(Blocks(rows=2, columns=1), scores, 0.75) == {"a": [[[0, 0], [0, 1]], [[0, 0], [0, 1]]]}


def test_filters_by_hand():
    conv = torch.tensor([1.0, 3.0, 2.0]).reshape(3, 1, 1, 1).expand(3, 1, 2, 2)
    found = Filters()({"conv": conv, "fc": torch.zeros(4, 3), "last": torch.zeros(2, 4)}, 4 / 32)
    assert found["conv"][:, 0, 0, 0].tolist() == [False, True, True]
    assert found["fc"].all() and found["last"].all()


def test_what_is_dead_counts_nothing_and_is_no_part_of_the_amount():
    # Means 4/2, 3 and nothing at all. 3 of 7 asked for: the last layer's one and the row of 3, though a single 4 is more.
    scores = {"a": torch.tensor([[4.0, DEAD], [3.0, 3.0], [DEAD, DEAD]]), "last": torch.zeros(1, 1)}
    assert masks(Rows(), scores, 4 / 7) == {"a": [[0, 0], [1, 1], [0, 0]], "last": [[1]]}
    # 4 of 7 asked for: the living one of the first row counts as one.
    assert masks(Rows(), scores, 3 / 7) == {"a": [[1, 0], [1, 1], [0, 0]], "last": [[1]]}
    assert masks(Rows(), scores, 0) == {"a": [[1, 0], [1, 1], [0, 0]], "last": [[1]]}


def test_within_layers_each_loses_the_same_share():
    scores = {name: torch.rand(shape) for name, shape in {"a": (4, 10), "b": (8, 5), "last": (2, 10)}.items()}
    # 100 weights, 60 stay: the last 20, and half of each other; at a sparsity of 0.4 of the whole.
    found = Rows(scope="layer")(scores, 0.4)
    assert [int(mask.any(1).sum()) for mask in found.values()] == [2, 4, 2]
    for name in "ab":
        means = scores[name].mean(1)
        assert means[found[name].any(1)].min() > means[~found[name].any(1)].max()
    # Where layers compete, the one that scores lower loses more.
    assert [int(mask.any(1).sum()) for mask in Rows()(scores | {"a": scores["a"] / 100}, 0.4).values()] == [1, 6, 2]


# What cannot be met


@pytest.mark.parametrize(
    ("allocation", "net", "largest"),
    [
        (Rows(), nn.Sequential(nn.Linear(4, 5), nn.Linear(5, 2)), 16 / 30),  # 4 + 10 stay
        (Columns(), nn.Sequential(nn.Linear(4, 5), nn.Linear(5, 2)), 23 / 30),  # 5 + 2 stay
        (Blocks(rows=1, columns=1), nn.Sequential(nn.Linear(4, 5), nn.Linear(5, 2)), 28 / 30),
        (Rows(), nn.Sequential(nn.Linear(4, 5)), 0),
        (Rows(scope="layer"), nn.Sequential(nn.Linear(4, 4), nn.Linear(4, 2), nn.Linear(2, 2)), 12 / 28),  # 24/2 and 4 stay
    ],
)
def test_the_largest_sparsity_is_named_and_can_be_had(allocation, net, largest, two_samples):
    with pytest.raises(ConfigError, match=f"{type(allocation).__name__} cannot reach sparsity 0.99 on this net") as refused:
        Prune(0.99, allocation=allocation).check(net)
    named = float(str(refused.value).split()[-1])
    assert named == math.floor(largest * 1e4) / 1e4
    Prune(named, allocation=allocation).check(net)
    found = allocation({name: layer.weight.detach().abs() for name, layer in layers(net).items()}, named)
    total = sum(mask.numel() for mask in found.values())
    assert 1 - kept(found) / total == pytest.approx(largest)


def test_blocks_that_do_not_tile_a_layer_are_refused():
    with pytest.raises(ConfigError, match="blocks of 2 × 3 do not tile layer 1, a matrix of 10 × 8: choose divisors of both"):
        Prune(0.5, allocation=Blocks(rows=2, columns=3)).check(nn.Sequential(nn.Linear(6, 8), nn.Linear(8, 10)))


def test_filters_of_a_real_net_are_cut_by_its_stage(two_samples):
    torch.manual_seed(0)
    net = LeNet5((1, 16, 16), 10)
    stage = Prune(0.2, allocation=Filters())
    stage.check(net)
    stage(net, Context(two_samples, seed=1))
    conv1, conv2, fc1, fc2 = layers(net).values()
    total = sum(layer.weight.numel() for layer in (conv1, conv2, fc1, fc2))
    zeros = sum(int((layer.weight == 0).sum()) for layer in (conv1, conv2, fc1, fc2))
    assert abs(zeros - 0.2 * total) <= 500  # half of the largest filter, of 20 · 5 · 5 weights, and one of rounding
    assert mask_of(fc1).all() and mask_of(fc2).all()
    for conv in (conv1, conv2):
        by_filter = mask_of(conv).flatten(1)
        assert torch.equal(by_filter.any(1), by_filter.all(1))


# Always


@st.composite
def nets(draw) -> dict[str, Tensor]:
    shapes = draw(st.lists(st.sampled_from([(2, 2), (4, 6), (2, 4, 1), (4, 2, 3, 3), (6, 2)]), min_size=1, max_size=4))
    seed, dead = draw(st.integers(0, 99)), draw(st.sampled_from([0, 0.3, 0.9]))
    random = torch.Generator().manual_seed(seed)
    scores = {str(at): torch.randn(shape, generator=random).round(decimals=1) for at, shape in enumerate(shapes)}
    return {n: s.masked_fill(torch.rand(s.shape, generator=random) < dead, DEAD) for n, s in scores.items()}


@pytest.mark.parametrize("allocation", ALL, ids=lambda allocation: type(allocation).__name__)
@given(scores=nets(), sparsity=st.floats(0, 0.99))
def test_groups_are_cut_whole_the_count_is_the_closest_and_every_layer_lives(allocation, scores, sparsity):
    found, groups = allocation(scores, sparsity), allocation._groups(scores)
    total = sum(layer.numel() for layer in scores.values())
    wanted, stays, sizes = total - round(sparsity * total), {}, []
    for name, layer in scores.items():
        alive = ~layer.isneginf()
        assert not (found[name] & ~alive).any()
        assert found[name].any() == alive.any()
        members, living = found[name].flatten()[groups[name]], alive.flatten()[groups[name]]
        stays[name] = members.any(1)
        assert torch.equal(members, living & stays[name][:, None])
        sizes.extend(living.sum(1)[(living.sum(1) > 0)].tolist())
    best = sum(int((~scores[name].flatten()[members].isneginf()).sum(1).max()) for name, members in groups.items())
    reachable = min(wanted, sum(sizes))
    assert kept(found) <= max(reachable + max(sizes, default=0) / 2, best)
    assert kept(found) >= reachable - max(sizes, default=0) / 2


@given(scores=nets(), sparsity=st.floats(0, 0.99))
def test_what_stays_scores_no_less_than_what_goes(scores, sparsity):
    found, groups = Columns()(scores, sparsity), Columns()._groups(scores)
    means, stay = {}, {}
    for name, members in groups.items():
        part = scores[name].flatten()[members]
        means[name] = torch.where(part.isneginf(), 0, part).double().mean(1)[~part.isneginf().all(1)]
        stay[name] = found[name].flatten()[members].any(1)[~part.isneginf().all(1)]
    gone = torch.cat([means[name][~stay[name]] for name in scores])
    for name in scores:
        extra = means[name][stay[name]].sort().values[:-1]  # beside the best of the layer, which always stays
        # All of them are among the best of the net.
        assert not extra.numel() or not gone.numel() or extra.min() >= gone.max()


def test_filters_of_a_net_without_any():
    with pytest.raises(ConfigError, match="no convolution whose filters could go: choose allocation=rows"):
        Prune(0.5, allocation=Filters()).check(nn.Sequential(nn.Linear(4, 5), nn.Linear(5, 2)))
