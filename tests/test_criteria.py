"""Criteria of curvature, flow, movement, activations, filters and normalisation: the arithmetic by hand, and what it is good for."""

import copy
import math
from functools import partial

import pytest
import torch
from pydantic import ValidationError
from torch import Tensor, nn

from lightexp.data import Digits, Splits
from lightexp.errors import ConfigError
from lightexp.measure import score
from lightexp.models import MLP
from lightexp.prune import (
    LAMP,
    SNIP,
    ActivationEntropy,
    APoZ,
    BatchNormScale,
    Criterion,
    FilterNorm,
    FilterTaylor,
    Fisher,
    Global,
    Gradient,
    GraSP,
    Magnitude,
    Movement,
    Random,
    Statistics,
    SynFlow,
    Taylor,
    Wanda,
    WeightEntropyShare,
)
from lightexp.reparam import layers
from lightexp.stages import Context, Fit, Prune, PruneGradually, PruneIteratively

WEIGHT = torch.tensor([[2.0, -1.0], [0.5, 0.0]])
FILTERS = torch.tensor([[[[3.0, -4.0]]], [[[0.0, 1.0]]]])  # two filters of one channel and 1 × 2
ADAM = partial(torch.optim.Adam, lr=2e-3)


def known(**figures: Tensor) -> Statistics:
    return Statistics(torch.Generator(), **figures)


def test_grasp_keeps_what_carries_the_gradients_flow():
    # By the paper's rule −w·Hg = (−2, −4, 1, 0) loses its largest first: the 1, then the 0.
    curvature = torch.tensor([[1.0, -4.0], [-2.0, 9.0]])
    assert GraSP()(WEIGHT, known(hessian_gradient=curvature)).tolist() == [[2.0, 4.0], [-1.0, 0.0]]


def test_synflow_is_the_share_of_the_flow_in_doubles():
    flow = torch.tensor([[1e-60, 2.0], [4.0, 1.0]], dtype=torch.float64)
    assert SynFlow()(WEIGHT, known(flow_gradient=flow)).tolist() == [[2e-60, 2.0], [2.0, 0.0]]


def test_movement_is_what_was_summed():
    total = torch.tensor([[-1.0, 2.0], [3.0, 0.0]])
    assert torch.equal(Movement()(WEIGHT, known(movement=total)), total)


def test_wanda_is_the_size_times_the_norm_of_the_input():
    norms = torch.tensor([[0.5, 3.0], [0.5, 3.0]])
    assert Wanda()(WEIGHT, known(input_norm=norms)).tolist() == [[1.0, 3.0], [0.25, 0.0]]


def test_the_norms_of_filters_by_hand():
    assert FilterNorm(1)(FILTERS, known()).tolist() == [[[[3.5, 3.5]]], [[[0.5, 0.5]]]]
    wanted = torch.tensor([[[[12.5, 12.5]]], [[[0.5, 0.5]]]]).sqrt()  # (9 + 16)/2 and (0 + 1)/2
    torch.testing.assert_close(FilterNorm(2)(FILTERS, known()), wanted)
    with pytest.raises(ValidationError):
        FilterNorm(3)


def test_filter_taylor_sums_before_it_takes_the_size():
    # 3·1 − 4·2 = −5 and 0·5 + 1·½ = ½, where the sizes alone would sum to 11.
    mean = torch.tensor([[[[1.0, 2.0]]], [[[5.0, 0.5]]]])
    assert FilterTaylor()(FILTERS, known(mean_gradient=mean)).tolist() == [[[[5.0, 5.0]]], [[[0.5, 0.5]]]]


def test_apoz_keeps_what_answers():
    assert APoZ()(WEIGHT, known(zero_share=torch.tensor([0.75, 0.0]))).tolist() == [[0.25, 0.25], [1.0, 1.0]]


def test_the_entropy_of_activations_by_hand():
    # Four samples, two bins of each unit's own range: halves give 1 bit, ¼ and ¾ give 2 − ¾·log₂ 3, a constant none.
    outputs = torch.tensor([[0.0, 10.0, 5.0], [0.1, 0.0, 5.0], [0.9, 0.0, 5.0], [1.0, 0.0, 5.0]])
    scores = ActivationEntropy(bins=2)(torch.zeros(3, 2), known(unit_outputs=outputs))
    wanted = torch.tensor([1.0, 2 - 0.75 * math.log2(3), 0.0])
    torch.testing.assert_close(scores, wanted[:, None].expand(3, 2))


def test_the_scale_of_batch_normalisation_counts_by_its_size():
    assert BatchNormScale()(WEIGHT, known(batch_norm_scale=torch.tensor([-0.5, 0.1]))).tolist() == [
        [0.5, 0.5],
        pytest.approx([0.1, 0.1]),
    ]
    with pytest.raises(ConfigError, match="the net Sequential has no batch normalisation .* choose another criterion"):
        Prune(0.5, BatchNormScale()).check(nn.Sequential(nn.Linear(2, 2)))


def test_the_share_of_entropy_lets_the_rare_go_as_well():
    # Bins of [1, 9] in two hold 7 and 1 of 8 weights: 7/8·log₂ 8/7 = 0.169 and 1/8·3 = 0.375; alone they are one bin, of 0 bits.
    weight = torch.tensor([[1.0, 1.0, 1.0, 1.0], [1.0, 1.0, 1.0, 9.0]])
    scores = WeightEntropyShare(bins=2)(weight, known())
    assert scores[1].tolist() == pytest.approx([7 / 8 * math.log2(8 / 7)] * 3 + [0.375])
    assert not WeightEntropyShare()(torch.full((2, 2), 3.0), known()).any()


def test_a_criterion_that_needs_what_nobody_measures_or_gives_no_numbers_is_refused(two_samples):
    class Misspelt(Magnitude):
        needs = frozenset({"gradeint"})

    class Root(Magnitude):
        def __call__(self, weight: Tensor, statistics: Statistics) -> Tensor:
            return weight.sqrt()

    net = nn.Sequential(nn.Linear(2, 2))
    nn.init.constant_(net[0].weight, -1)
    with pytest.raises(ConfigError, match="Misspelt needs 'gradeint'; there are: gradient, mean_gradient"):
        Prune(0.5, Misspelt()).check(net)
    with pytest.raises(ConfigError, match="Root gives scores that are no numbers in layer 0"):
        Prune(0.5, Root())(net, Context(two_samples, seed=1))


def test_lamp_keeps_the_order_of_scores_below_zero():
    # Shifted by 2 they are 0, 1 and 3: 9/9, 1/(9 + 1) and 0; what is dead takes no part.
    comparable = LAMP.comparable(torch.tensor([-2.0, 1.0, -1.0, -math.inf]))
    assert comparable.tolist() == pytest.approx([0, 1, 0.1, -math.inf])


# What they are good for


@pytest.fixture(scope="module")
def digits() -> Splits:
    return Digits().load()


@pytest.fixture(scope="module")
def untrained() -> nn.Module:
    torch.manual_seed(0)
    return MLP((1, 8, 8), 10, [100, 50])


@pytest.fixture(scope="module")
def young(untrained, digits) -> nn.Module:
    """Trained for two epochs, so that there still are gradients."""
    return Fit(2, optimizer=ADAM)(copy.deepcopy(untrained), Context(digits, seed=0))


def accuracy(net: nn.Module, digits: Splits, criterion: Criterion) -> float:
    net = copy.deepcopy(net)
    Prune(0.8, criterion, LAMP())(net, Context(digits, seed=1))
    return score(net, digits, digits.val).accuracy


@pytest.mark.parametrize(
    "criterion",
    [Magnitude(), Gradient(), Taylor(), Fisher(), Wanda(), SynFlow(), Movement()],
    ids=lambda criterion: type(criterion).__name__,
)
def test_a_criterion_beats_chance(criterion, young, digits):
    assert accuracy(young, digits, criterion) > accuracy(young, digits, Random()) + 10


@pytest.mark.parametrize("criterion", [SNIP(), GraSP(), SynFlow()], ids=lambda criterion: type(criterion).__name__)
def test_a_criterion_for_untrained_nets_beats_chance_once_they_are_trained(criterion, untrained, digits):
    reached = []
    for chosen in (criterion, Random()):
        net = copy.deepcopy(untrained)
        rounds = 100 if isinstance(chosen, SynFlow) else 1
        PruneIteratively(0.95, chosen, Global(), rounds=rounds, tune=Fit(0))(net, Context(digits, seed=1))
        Fit(10, optimizer=ADAM)(net, Context(digits, seed=2))
        reached.append(score(net, digits, digits.val).accuracy)
    assert reached[0] > reached[1] + 10


def test_iterated_synflow_keeps_every_layer_alive_where_magnitude_does_not(untrained, digits):
    alive = []
    for criterion in (SynFlow(), Magnitude()):
        net = copy.deepcopy(untrained)
        stage = PruneIteratively(0.995, criterion, Global(), rounds=100, tune=Fit(0))
        assert [name for name, _ in stage.parts()] == [f"{number}.prune" for number in range(1, 101)]
        stage(net, Context(digits, seed=1))
        alive.append([int(layer.weight.count_nonzero()) for layer in layers(net).values()])
    assert all(alive[0])
    assert sum(alive[0]) == sum(alive[1]) == 11900 - round(0.995 * 11900)
    assert not all(alive[1])


def test_gradual_pruning_by_movement_beats_chance(young, digits):
    reached = []
    for criterion in (Movement(), Random()):
        net = copy.deepcopy(young)
        PruneGradually(0.95, criterion, Global(), fit=Fit(6, optimizer=ADAM))(net, Context(digits, seed=1))
        reached.append(score(net, digits, digits.val).accuracy)
    assert reached[0] > reached[1] + 10
