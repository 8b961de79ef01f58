"""Criteria and allocations: the published arithmetic by hand, and exact counts whatever the shapes."""

from functools import partial

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from torch import Tensor, nn

from lightexp.errors import ConfigError
from lightexp.prune import LAMP, Global, Gradient, Magnitude, Random, Statistics, Threshold, Uniform
from lightexp.reparam import mask_of, set_mask
from lightexp.stages import Context, Prune
from lightexp.statistics.gather import gather

DEAD = -float("inf")
SCORES = {"a": torch.tensor([[3.0, 1.0], [2.0, 4.0]]), "b": torch.tensor([10.0, 0.5])}
OF_SPARSITY = [Global(), LAMP(), Uniform()]


def statistics(seed: int = 0) -> Statistics:
    return Statistics(torch.Generator().manual_seed(seed))


def shares(weight: list[float]) -> list[float]:
    return LAMP.comparable(torch.tensor(weight)).tolist()


# Criteria


def test_magnitude_is_the_size():
    assert Magnitude()(torch.tensor([[-2.0, 0.5, -0.0]]), statistics()).tolist() == [[2.0, 0.5, 0.0]]


def test_random_follows_the_generator_and_not_the_weight():
    weight, other = torch.zeros(2, 3), torch.ones(2, 3)
    assert torch.equal(Random()(weight, statistics()), Random()(other, statistics()))
    assert not torch.equal(Random()(weight, statistics(1)), Random()(weight, statistics(2)))


def test_gradient_of_a_linear_net_by_hand(two_samples):
    # Zero weights answer ½, ½. With z = W·x̂ and one batch of both samples the mean gradient is ½ Σ (p − onehot(y)) ⊗ x̂,
    # where x̂ = (x − 1.5) / √2.75, so (4, 0) → (2.5, −1.5) / 1.6583 and (0, 2) → (−1.5, 0.5) / 1.6583:
    # ∂L/∂W₀ = ½ (−½ (2.5, −1.5) + ½ (−1.5, 0.5)) / 1.6583 = (−1, 0.5) / 1.6583, and ∂L/∂W₁ is its negative.
    net = nn.Sequential(nn.Linear(2, 2, bias=False))
    nn.init.zeros_(net[0].weight)
    found = gather(net, two_samples, frozenset({"gradient"}), batches=3, seed=0)["0"]
    wanted = torch.tensor([[1.0, 0.5], [1.0, 0.5]]) / 1.6583
    torch.testing.assert_close(Gradient()(net[0].weight, found), wanted, rtol=1e-4, atol=0)
    assert net[0].weight.grad is None


def test_measuring_gradients_leaves_the_net_alone(two_samples):
    net = nn.Sequential(nn.Linear(2, 4), nn.BatchNorm1d(4), nn.Dropout(), nn.Linear(4, 2)).train()
    set_mask(net[0], torch.rand(4, 2) > 0.5)
    before = {name: tensor.clone() for name, tensor in net.state_dict().items()}
    one, other = (gather(net, two_samples, frozenset({"gradient"}), 1, seed=0) for _ in range(2))
    assert all(torch.equal(one[name].gradient, other[name].gradient) for name in ("0", "3"))
    assert all(torch.equal(tensor, before[name]) for name, tensor in net.state_dict().items())
    assert net.training
    assert gather(net, two_samples, frozenset(), 1, seed=0)["0"].gradient is None


# Allocations


def test_global_by_hand():
    # 6 scores, 0.5 → 3 stay: 10, 4, 3.
    masks = Global()(SCORES, 0.5)
    assert {name: mask.tolist() for name, mask in masks.items()} == {"a": [[True, False], [False, True]], "b": [True, False]}


def test_uniform_by_hand():
    # Of 4 scores 2 stay, of 2 scores 1.
    masks = Uniform()(SCORES, 0.5)
    assert {name: mask.tolist() for name, mask in masks.items()} == {"a": [[True, False], [False, True]], "b": [True, False]}
    # 4 − round(0.6 · 4) = 2 and 2 − round(0.6 · 2) = 1; the whole net would have kept 6 − round(3.6) = 2.
    assert [int(mask.sum()) for mask in Uniform()(SCORES, 0.6).values()] == [2, 1]


def test_threshold_by_hand():
    masks = Threshold(2.0)(SCORES | {"c": torch.tensor([DEAD])}, None)
    assert masks["a"].tolist() == [[True, False], [False, True]]  # 2 is not more than 2
    assert masks["b"].tolist() == [True, False]
    assert masks["c"].tolist() == [False]
    with pytest.raises(ValidationError):
        Threshold(-1)


def test_lamp_by_hand():
    # Squares 9, 4, 1: 9/9, 4/(9 + 4), 1/(9 + 4 + 1), in whatever order they stand.
    assert shares([1.0, 3.0, 2.0]) == pytest.approx([1 / 14, 1, 4 / 13])
    # Of equal scores the first counts as the larger: 4/4, 4/8, and what is dead takes no part.
    assert shares([2.0, DEAD, 2.0]) == pytest.approx([1, DEAD, 1 / 2])
    assert shares([0.0, 0.0]) == [0.0, 0.0]
    # (100, 100) scores 1 and ½; (0.1, 0.05) scores 1 and 0.0025 / (0.01 + 0.0025) = 0.2. At 1/4 the 0.2 goes, at 2/4 the ½ as
    # well, so both layers live where Global kills the small one.
    scores = {"large": torch.tensor([100.0, 100.0]), "small": torch.tensor([0.1, 0.05])}
    assert [mask.tolist() for mask in LAMP()(scores, 0.25).values()] == [[True, True], [True, False]]
    assert [mask.tolist() for mask in LAMP()(scores, 0.5).values()] == [[True, False], [True, False]]
    assert [mask.tolist() for mask in Global()(scores, 0.5).values()] == [[True, True], [False, False]]


NUMBERS = st.floats(0, 100, width=32) | st.sampled_from([0.0, 1.0, 1.0, 1e-30, DEAD])


@st.composite
def layered(draw) -> dict[str, Tensor]:
    shapes = draw(st.lists(st.sampled_from([(1,), (3, 5), (2, 2, 2), (17,), (4, 1, 3, 3)]), min_size=1, max_size=4))
    sizes = [torch.Size(shape).numel() for shape in shapes]
    numbers = [draw(st.lists(NUMBERS, min_size=size, max_size=size)) for size in sizes]
    return {str(i): torch.tensor(n).reshape(s) for i, (n, s) in enumerate(zip(numbers, shapes, strict=True))}


@pytest.mark.parametrize("allocation", OF_SPARSITY, ids=lambda allocation: type(allocation).__name__)
@given(scores=layered(), sparsity=st.floats(0, 0.999))
def test_the_count_is_exact_and_the_dead_go_first(allocation, scores, sparsity):
    masks = allocation(scores, sparsity)
    assert {name: (m.shape, m.dtype) for name, m in masks.items()} == {n: (s.shape, torch.bool) for n, s in scores.items()}
    together = [list(scores)] if not isinstance(allocation, Uniform) else [[name] for name in scores]
    for names in together:
        numbers, kept = (torch.cat([part[name].reshape(-1) for name in names]) for part in (scores, masks))
        assert int(kept.sum()) == len(numbers) - round(sparsity * len(numbers))
        assert not kept[numbers.isneginf()].any() or kept[~numbers.isneginf()].all()


@given(scores=layered(), sparsity=st.floats(0, 0.999))
def test_lamp_keeps_the_order_within_a_layer(scores, sparsity):
    for name, mask in LAMP()(scores, sparsity).items():
        if mask.any() and not mask.all():
            assert scores[name][mask].min() >= scores[name][~mask].max()


# Pruning as a stage


@pytest.mark.parametrize("criterion", [Magnitude(), Random(), Gradient()])
@pytest.mark.parametrize("allocation", OF_SPARSITY)
def test_what_is_pruned_never_returns(two_samples, criterion, allocation):
    torch.manual_seed(0)
    net, gone = nn.Sequential(nn.Linear(2, 16), nn.Linear(16, 2)), {}
    for sparsity in (0.25, 0.5, 0.25, 0.75):
        Prune(sparsity, criterion, allocation)(net, Context(two_samples, seed=1))
        for layer in net:
            assert not mask_of(layer)[gone.get(layer, torch.zeros_like(mask_of(layer)))].any()
            assert torch.equal(layer.weight != 0, mask_of(layer))
            gone[layer] = ~mask_of(layer)
    assert sum(int(mask.sum()) for mask in gone.values()) == 0.75 * 64


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"sparsity": None}, "Global needs a sparsity"),
        ({"sparsity": 0.5, "allocation": Threshold()}, "Threshold finds its own sparsity: set sparsity=null"),
    ],
)
def test_a_sparsity_that_does_not_fit_the_allocation_is_refused(options, says):
    with pytest.raises(ConfigError, match=says):
        Prune(**options)


@pytest.mark.parametrize("make", [partial(Prune, 1.0), partial(Prune, -0.1), partial(Prune, 0.5, batches=0)])
def test_impossible_amounts_are_refused(make):
    with pytest.raises(ValidationError):
        make()
