"""Ranges by hand: what each calibration covers, and the integers that a range becomes."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from torch import nn

from lightexp.ops.uniform import grid
from lightexp.quantize import KL, Affine, Calibration, LayerWeight, MinMax, Percentile, SquaredError, Uniform
from lightexp.reparam import codes_of, rebuild, set_mask, set_quantizer, spec_of

CALIBRATIONS = [MinMax(), Percentile(90), SquaredError(), KL()]
every = pytest.mark.parametrize("calibration", CALIBRATIONS, ids=str)
VALUES = st.floats(-8, 8, width=32) | st.sampled_from([0.0, -0.0, 1e-44, -1e-30, 1e-10])


def column(*values: float) -> torch.Tensor:
    return torch.tensor(values)[:, None]


def test_a_range_becomes_integers_with_one_on_zero():
    # 15 / 15 = 1: −5 … 10. 6 / 15 = 0.4: −2.5 / 0.4 = −6.25, so −6 … 9. Positive alone: 0 … 15. Negative alone: −15 … 0.
    found = grid(column(-5, -2.5, 0, -3, 0), column(10, 3.5, 30, 0, 0), 15)
    torch.testing.assert_close(found.step, column(1, 0.4, 2, 0.2, 1))
    assert found.lowest.flatten().tolist() == [-5, -6, 0, -15, 0]
    assert found.highest.flatten().tolist() == [10, 9, 15, 0, 15]
    assert found.integers(torch.tensor([[-9.0, 2.4, 99.0]] * 5)).tolist()[:2] == [[-5, 2, 10], [-6, 6, 9]]


def test_the_whole_range_holds_zero():
    low, high = MinMax()(torch.tensor([[2.0, -1.0], [2.0, 3.0], [-2.0, -3.0]]), 3)
    assert (low.flatten().tolist(), high.flatten().tolist()) == ([-1, 0, -3], [2, 3, 0])


def test_a_percentile_lies_between_values_and_skips_zeros():
    # Eleven values −5 … 5 without 0 are ten: the 90th percentile stands at 0.9 · 9 = 8.1, between 4 and 5; the 10th at 0.9.
    values = torch.tensor([[0.0, 5, -5, 4, -4, 3, -3, 2, -2, 1, -1, 0], [0.0] * 12])
    low, high = Percentile(90)(values, 15)
    torch.testing.assert_close(low, column(-4.1, 0))
    torch.testing.assert_close(high, column(4.1, 0))
    assert Percentile(90).symmetric(values, 3).highest.flatten().tolist() == [3, 3]


def test_the_step_of_least_squared_error_by_hand():
    # Already on a grid of 1: the step 1 has no error. A row of zeros has step 1. A lone weight is hit by its own size.
    values = torch.tensor([[3.0, -2.0, 1.0, 0.0], [0.0, 0.0, 0.0, 0.0], [0.0, -6.0, 0.0, 0.0]])
    torch.testing.assert_close(SquaredError().symmetric(values, 3).step, column(1.0, 1.0, 2.0))
    # One outlier at 2 bits (q ∈ {−1, 0, 1}): a hundred 1s and a 2. Per candidate Δ ≤ 4/3 the error is 100·(1−Δ)² + (2−Δ)²,
    # least at Δ = 102/101 = 1.0099; of the candidates 2 · 50 % = 1 (error 1) and 2 · 51 % = 1.02 (1.0004) the first wins.
    torch.testing.assert_close(SquaredError().symmetric(torch.tensor([[1.0] * 100 + [2.0]]), 2).step, column(1.0))


def test_either_end_is_clipped_alone_where_only_it_has_an_outlier():
    # On −1 … 2 in steps of 1 nothing but the 8 has an error; it pulls the step a little beyond.
    values = torch.tensor([[-1.0, 0.0, 1.0, 2.0] * 50 + [8.0]])
    found = SquaredError().affine(values, 2)
    torch.testing.assert_close(found.step, column(1.0), rtol=0.05, atol=0)
    assert (found.lowest.item(), found.highest.item()) == (-1, 2)


@given(hnp.arrays(np.float32, (2, 6), elements=VALUES), st.integers(2, 8), st.sampled_from(["symmetric", "affine"]))
def test_least_squared_error_is_no_worse_than_the_whole_range(values, bits, kind):
    values = torch.from_numpy(values)
    least, whole = (getattr(calibration, kind)(values, bits) for calibration in (SquaredError(), MinMax()))
    peak = values.abs().amax(dim=1)
    error, naive = ((values - found.nearest(values)).double().norm(dim=1) for found in (least, whole))
    assert (error <= naive + 1e-5 * peak + 1e-37).all()


def test_least_divergence_clips_a_lone_outlier_of_many_values():
    # The middle of a bell of 20,000 fits a level each 40/127 badly; without the outlier at 40 the levels are ten times as many.
    bell = torch.randn(20_000, generator=torch.Generator().manual_seed(0)).abs()
    low, high = KL()(torch.cat([bell, torch.tensor([40.0])])[None], 127)
    assert low.item() == 0
    assert 3 < high.item() < 6
    # Nothing is gained by clipping what is evenly filled.
    assert KL()(torch.arange(1, 128).repeat(100)[None] / 127, 127)[1].item() == 1


def test_divergence_by_hand():
    from lightexp.quantize.kl import _divergence

    # Bins of 1 over 0 … 4 holding 1, 3, 2, 2. Two steps over 0 … 4 have levels 0, 2, 4, the bins' centres 0.5, 1.5, 2.5, 3.5
    # go to 0, 2, 2 and 4, so Q is 1, 2.5, 2.5, 2 of 8 and KL = (3 ln 3/2.5 + 2 ln 2/2.5) / 8.
    centres, counts = torch.tensor([[0.5, 1.5, 2.5, 3.5]]), torch.tensor([[1.0, 3.0, 2.0, 2.0]])
    whole = (3 * np.log(3 / 2.5) + 2 * np.log(2 / 2.5)) / 8
    assert _divergence(centres, counts, column(0.0), column(4.0), 2).item() == pytest.approx(whole, rel=1e-5)
    # Over 0 … 2 the levels are 0, 1, 2: a bin each (0.5 is rounded to the even 0), and P is 1, 3 + 4 of 8, Q 1, 3 of 4.
    half = (1 * np.log((1 / 8) / (1 / 4)) + 7 * np.log((7 / 8) / (3 / 4))) / 8
    assert _divergence(centres, counts, column(0.0), column(2.0), 2).item() == pytest.approx(half, rel=1e-5)


@every
def test_no_clipping_where_every_value_has_a_level(calibration: Calibration):
    values = torch.tensor([[-3.0, -2.0, -1.0, 0.0, 1.0, 2.0, 3.0]])
    if not isinstance(calibration, Percentile):
        torch.testing.assert_close(calibration.symmetric(values, 3).nearest(values), values)


@every
@settings(max_examples=20)
@given(values=hnp.arrays(np.float32, (3, 7), elements=VALUES), bits=st.integers(2, 8))
def test_a_grid_is_usable_whatever_the_values(calibration, values, bits):
    values = torch.from_numpy(values)
    for row in (values, values.abs()):
        for kind in ("symmetric", "affine"):
            found = getattr(calibration, kind)(row, bits)
            assert all(part.shape == (3, 1) and part.dtype == torch.float32 and part.isfinite().all() for part in found)
            assert (found.step > 0).all()
            assert ((found.lowest <= 0) & (found.highest >= 0)).all()
            assert (found.highest - found.lowest == 2**bits - (2 if kind == "symmetric" else 1)).all()
            assert not found.nearest(row)[row == 0].any()
    assert (calibration.affine(values.abs(), bits).lowest == 0).all()


@every
def test_a_row_is_calibrated_as_if_it_were_alone_and_in_proportion(calibration):
    values = torch.randn(3, 200, generator=torch.Generator().manual_seed(0))
    for kind in ("symmetric", "affine"):
        together = getattr(calibration, kind)(values, 4)
        alone = [getattr(calibration, kind)(row[None], 4) for row in values]
        assert torch.equal(together.step, torch.cat([found.step for found in alone]))
        for scale in (2.0**-70, 2.0**-100):  # whose squares are 0 in float32
            assert torch.equal(getattr(calibration, kind)(values * scale, 4).step, together.step * scale)


SCOPES = {"net": [1.0, 1.0], "tensor": [1.0, 0.2], "channel": [1.0, 0.2]}


@pytest.mark.parametrize("scope", SCOPES)
def test_affine_by_hand_in_every_scope(scope):
    # 3 bits: 8 integers. −2 … 5 in steps of 1, and of the net too; 0 … 1.4 in steps of 0.2.
    weights = {"a": torch.tensor([[-2.0, 5.0, 0.0]]), "b": torch.tensor([[1.4, 0.4, 1.0]])}
    net = nn.ModuleDict({name: nn.Linear(3, 1) for name in weights})
    fitted = Affine(3, scope, MinMax()).fit({n: LayerWeight(w, w != 0) for n, w in weights.items()}, 0, None)
    for name, layer in net.items():
        layer.weight.data = weights[name].clone()
        set_quantizer(layer, fitted[name])
        set_mask(layer, weights[name] != 0)
    codes = {name: codes_of(layer) for name, layer in net.items()}
    assert codes["a"].codes.tolist() == [[-2, 5, 0]]
    assert codes["b"].codes.tolist() == ([[1, 0, 1]] if scope == "net" else [[7, 2, 5]])
    torch.testing.assert_close([code.table.item() for code in codes.values()], SCOPES[scope])
    assert {code.bits for code in codes.values()} == {3}
    plain = nn.ModuleDict({name: nn.Linear(3, 1) for name in weights})
    again = rebuild(plain, spec_of(net), net.state_dict())
    assert all(torch.equal(codes_of(again[name]).codes, code.codes) for name, code in codes.items())


def test_affine_spends_its_levels_where_the_weights_are():
    weight = torch.rand(50, 50, generator=torch.Generator().manual_seed(0)) + 0.5
    error = {}
    for quantizer in (Affine(4), Uniform(4)):
        layer = nn.Linear(50, 50)
        layer.weight.data = weight.clone()
        set_quantizer(layer, quantizer.fit({"": LayerWeight(weight, weight != 0)}, 0, None)[""])
        error[type(quantizer)] = float((layer.weight.detach() - weight).norm())
    # All of 16 levels against the 7 of 15 that are positive.
    assert error[Affine] < 0.6 * error[Uniform]
