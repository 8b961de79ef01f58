"""Mixed precision: programmes that can be solved by hand, sensitivities with known answers, budgets that hold."""

import itertools
import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from torch import Tensor, nn

from lightexp.data import split
from lightexp.errors import ConfigError
from lightexp.ops.programme import cheapest_choice
from lightexp.quantize import Affine, Entropy, HessianTrace, KMeans, LayerWeight, Measured, MixedPrecision, Uniform
from lightexp.reparam import WeightCode, codes_of, layers, set_mask, set_quantizer
from lightexp.stages import Context, Quantize
from lightexp.statistics.probe import DataProbe


class Known:
    """A probe of a quadratic loss Σ_l c_l·‖w_l − target_l‖² / 2, whose Hessian's trace is c_l·n_l."""

    def __init__(self, curvature: dict[str, float], target: dict[str, Tensor]) -> None:
        self.curvature, self.target = curvature, target

    def loss(self, weights: dict[str, Tensor]) -> float:
        return sum(self.curvature[n] / 2 * float((w - self.target[n]).square().sum()) for n, w in weights.items())

    def hessian_trace(self) -> dict[str, float]:
        return {name: c * int((self.target[name] != 0).sum()) for name, c in self.curvature.items()}


def layer(weight: Tensor) -> LayerWeight:
    return LayerWeight(weight, weight != 0)


def normal(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


# The programme


def test_a_programme_by_hand():
    # Amounts 2 or 4 a unit: of sizes 10 and 30 all of both at 2 is 80, and 100 pays for the first at 4 but not for the second.
    costs, amounts = np.array([[5.0, 1.0], [9.0, 0.0]]), np.array([[20, 40], [60, 120]])
    assert cheapest_choice(costs, amounts, 80).tolist() == [0, 0]
    assert cheapest_choice(costs, amounts, 100).tolist() == [1, 0]
    # 140 pays for one of the two: the second saves 9, the first 4. 160 pays for both.
    assert cheapest_choice(costs, amounts, 140).tolist() == [0, 1]
    assert cheapest_choice(costs, amounts, 160).tolist() == [1, 1]
    with pytest.raises(ValueError, match="no choice stays within 79"):
        cheapest_choice(costs, amounts, 79)


PROGRAMMES = st.integers(1, 4).flatmap(
    lambda rows: st.tuples(
        hnp.arrays(np.float64, (rows, 3), elements=st.floats(-1e3, 1e3).map(lambda cost: round(cost, 3))),
        hnp.arrays(np.int64, (rows, 3), elements=st.integers(0, 10**7)),
    )
)


@settings(max_examples=60)
@given(PROGRAMMES, st.floats(0, 1))
def test_a_programme_is_as_good_as_trying_everything(programme, share):
    costs, amounts = programme
    fewest, most = amounts.min(axis=1).sum(), amounts.max(axis=1).sum()
    budget = int(fewest + share * (most - fewest))
    rows = np.arange(len(costs))
    every = [np.array(choice) for choice in itertools.product(range(3), repeat=len(costs))]
    best = min(costs[rows, choice].sum() for choice in every if amounts[rows, choice].sum() <= budget)
    chosen = cheapest_choice(costs, amounts, budget)
    assert amounts[rows, chosen].sum() <= budget
    assert costs[rows, chosen].sum() == pytest.approx(best, abs=1e-2)


# Sensitivities


def codes(**found: list[int]) -> dict[int, WeightCode]:
    return {int(bits[1:]): WeightCode(torch.tensor(code), torch.ones(1), False, int(bits[1:])) for bits, code in found.items()}


def test_entropy_by_hand():
    # Eight weights: four values twice are 2 bits each, 16 in all; two values four times 8; 7 and 1 of two 8·0.5436 = 4.349.
    found = {"a": codes(b4=[0, 0, 1, 1, 2, 2, 3, 3], b3=[0, 0, 0, 0, 1, 1, 1, 1], b2=[0, 0, 0, 0, 0, 0, 0, 1])}
    costs = Entropy()({}, found, None)["a"]
    rare = 7 * math.log2(8 / 7) + math.log2(8)
    assert costs == pytest.approx({4: 0.0, 3: 8.0, 2: 16 - rare})


def test_measured_and_curvature_by_hand():
    # The codes are 0.5 off in each of three weights, of which one is pruned and stays 0: Σ is 0.5.
    weight = torch.tensor([1.5, 0.0, -2.5])
    probe, found = Known({"a": 6.0}, {"a": weight}), {"a": codes(b2=[1, 0, -2])}
    # 6 / 2 · 0.5, and Tr(H) / n = 6 · 2 / 2 times 0.5.
    assert Measured()({"a": layer(weight)}, found, probe) == {"a": {2: 1.5}}
    assert HessianTrace()({"a": layer(weight)}, found, probe) == {"a": {2: 3.0}}
    probe.curvature["a"] = -6.0
    assert HessianTrace()({"a": layer(weight)}, found, probe) == {"a": {2: 3.0}}


# The probe, on a net whose loss is known


@pytest.fixture
def linear(two_samples):
    """A net of 2·2 weights, all 0 but for the trace's own mask."""
    net = nn.Sequential(nn.Linear(2, 2, bias=False))
    nn.init.zeros_(net[0].weight)
    return net, DataProbe(net, two_samples, batches=1, seed=0)


def test_the_loss_of_other_weights_by_hand_and_without_a_trace(linear, two_samples):
    net, probe = linear
    net.train()
    assert probe.loss({}) == pytest.approx(math.log(2))  # all logits 0
    x, y = two_samples.batch(two_samples.train, torch.arange(len(two_samples.train)))
    weight = torch.tensor([[1.0, 2.0], [3.0, -1.0]])
    assert probe.loss({"0": weight}) == pytest.approx(float(nn.functional.cross_entropy(x @ weight.T, y)), rel=1e-6)
    assert not net[0].weight.any()
    assert net.training
    assert net[0].weight.grad is None


def test_the_trace_of_a_linear_net_by_hand(linear, two_samples):
    # With p = ½ for both classes the Hessian over row c is p(1 − p)·mean(x xᵀ), so its trace over both is ½·mean ‖x‖². Signs
    # leave products of different weights; their mean is 0, and over all sixteen of them exactly so.
    net, _ = linear
    x, _ = two_samples.batch(two_samples.train, torch.arange(len(two_samples.train)))
    exact = 0.5 * float(x.square().sum(dim=1).mean())
    found = [DataProbe(net, two_samples, 1, seed).hessian_trace()["0"] for seed in range(200)]
    assert np.mean(found) == pytest.approx(exact, rel=0.15)
    assert found[7] == DataProbe(net, two_samples, 1, 7).hessian_trace()["0"]
    # One weight alone has no products: its own curvature, whatever the sign.
    set_mask(net[0], torch.tensor([[False, True], [False, False]]))
    alone = DataProbe(net, two_samples, 1, 0).hessian_trace()["0"]
    assert alone == pytest.approx(0.25 * float(x[:, 1].square().mean()), rel=1e-5)


# Mixed precision


def test_bits_go_where_the_curvature_is():
    weights = {"flat": layer(normal(10, 10)), "steep": layer(normal(10, 10, seed=1))}
    probe = Known({"flat": 1.0, "steep": 100.0}, {name: found.weight for name, found in weights.items()})
    for sensitivity in (HessianTrace(), Measured()):
        mixed = MixedPrecision(mean_bits=5, choices=(2, 8), sensitivity=sensitivity)
        assert mixed.bits(weights, 0, probe) == {"flat": 2, "steep": 8}
        fitted = mixed.fit(weights, 0, probe)
        assert list(fitted) == ["flat", "steep"]
        for name, bits in (("flat", 2), ("steep", 8)):
            alone = Uniform(bits).fit({name: weights[name]}, 0, None)[name]
            assert torch.equal(fitted[name](weights[name].weight), alone(weights[name].weight))
        # 4.9 bits do not pay for 8 and 2.
        assert set(MixedPrecision(4.9, choices=(2, 8), sensitivity=sensitivity).bits(weights, 0, probe).values()) == {2}


@settings(max_examples=15)
@given(
    sizes=st.lists(st.integers(1, 40), min_size=1, max_size=5),
    budgets=st.lists(st.floats(2, 8), min_size=2, max_size=2).map(sorted),
    inner=st.sampled_from([Uniform(), Affine(scope="channel"), Uniform(scope="net")]),
    in_bytes=st.booleans(),
)
def test_a_budget_holds_and_a_larger_one_costs_no_more(sizes, budgets, inner, in_bytes):
    weights = {str(at): layer(normal(2, size, seed=at)) for at, size in enumerate(sizes)}
    size = sum(found.weight.numel() for found in weights.values())
    probe = Known({name: at + 1.0 for at, name in enumerate(weights)}, {n: found.weight for n, found in weights.items()})
    spent = []
    for mean in budgets:
        budget = {"bytes": math.ceil(mean * size / 8)} if in_bytes else {"mean_bits": mean}
        found = MixedPrecision(**budget, sensitivity=Measured(), quantizer=inner).fit(weights, 0, probe)
        bits = sum(found[name].code(w).bits * w.numel() for name, (w, _) in weights.items())
        assert bits <= (8 * budget["bytes"] if in_bytes else mean * size)
        values = {name: found[name](w).detach() for name, (w, _) in weights.items()}
        spent.append(sum(probe.loss({name: value}) for name, value in values.items()))
    if inner.scope != "net":  # whose step is another one for other groups
        assert spent[1] <= spent[0] * (1 + 1e-5) + 1e-6


def test_a_mean_of_any_decimals_is_met_to_the_bit():
    weights = {str(at): layer(normal(1, 100, seed=at)) for at in range(10)}
    probe = Known(dict.fromkeys(weights, 1.0), {name: found.weight for name, found in weights.items()})
    bits = MixedPrecision(mean_bits=2.3, choices=(2, 3), sensitivity=Measured()).bits(weights, 0, probe)
    assert sum(bits.values()) == 23


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({}, "either mean_bits or bytes"),
        ({"mean_bits": 4, "bytes": 100}, "either mean_bits or bytes"),
        ({"mean_bits": 4, "choices": ()}, "needs choices of bits"),
        ({"mean_bits": 4, "choices": (2, 17)}, "17 bits cannot be: input should be less than or equal to 16"),
        ({"mean_bits": 4, "choices": (1,)}, "1 bits cannot be"),
        ({"mean_bits": 4, "quantizer": KMeans()}, "needs a quantizer that takes bits"),
    ],
)
def test_what_cannot_be_meant_is_refused(fields, said):
    with pytest.raises(ConfigError, match=said):
        MixedPrecision(**fields)


def test_a_budget_that_cannot_be_met_is_told_before_training():
    net = nn.Sequential(nn.Linear(5, 5))
    for budget, needed in (({"mean_bits": 1.9}, "mean_bits=2"), ({"bytes": 6}, "bytes=7")):
        with pytest.raises(ConfigError, match=f"too little for 25 weights of 2 bits or more: it takes {needed}"):
            Quantize(MixedPrecision(**budget)).check(net)
        name, value = needed.split("=")
        Quantize(MixedPrecision(**{name: int(value)})).check(net)


def test_a_stage_gives_layers_their_own_bits_and_the_same_each_time():
    x, y = normal(60, 6).numpy(), np.arange(60) % 3
    data = split("any", x, y, x, y, validation=0.5)
    found = []
    for _ in range(2):
        torch.manual_seed(0)
        net = nn.Sequential(nn.Linear(6, 40), nn.ReLU(), nn.Linear(40, 3))
        set_mask(net[0], net[0].weight.abs() > 0.2)
        set_quantizer(net[2], KMeans(7).fit({"2": layer(net[2].weight.detach())}, 0, None)["2"])
        Quantize(MixedPrecision(mean_bits=3.5), batches=2)(net, Context(data, seed=1))
        found.append({name: codes_of(module) for name, module in layers(net).items()})
    bits = {name: code.bits for name, code in found[0].items()}
    assert 240 * bits["0"] + 120 * bits["2"] <= 3.5 * 360
    assert len(set(bits.values())) == 2
    assert all(torch.equal(code.codes, found[1][name].codes) for name, code in found[0].items())
