"""Quantizers of few bits, by hand: levels, codes, and the gradients that reach latent weights and steps."""

import itertools
import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn

from lightexp.errors import ConfigError
from lightexp.ops.bases import decompose, sign_patterns
from lightexp.quantize import BWN, LSQ, TWN, BinaryBases, BinaryConnect, DoReFa, LayerWeight, StochasticBinaryConnect
from lightexp.reparam import codes_of, latent, set_mask, set_quantizer
from lightexp.stages import Context, Quantize


def quantized(quantizer, weight: list[list[float]]) -> nn.Linear:
    """A layer whose zeros are pruned, in evaluation mode."""
    found = torch.tensor(weight)
    layer = nn.Linear(found.shape[1], found.shape[0], bias=False).eval()
    layer.weight.data = found.clone()
    set_mask(layer, found != 0)
    set_quantizer(layer, quantizer.fit({"0": LayerWeight(found, found != 0)}, 0, None)["0"])
    return layer


def gradient(layer: nn.Module, of: Tensor) -> Tensor:
    """∂/∂of of the sum of the layer's weights, each times its place 1, 2, 3 …"""
    weight = layer.weight
    places = torch.arange(1.0, weight.numel() + 1).reshape(weight.shape)
    return torch.autograd.grad((weight * places).sum(), of)[0]


def test_bwn_by_hand():
    layer = quantized(BWN(), [[0.5, -1.5, 0.0], [2.0, 0.5, -3.5]])
    assert layer.weight.tolist() == [[1.0, -1.0, 0.0], [2.0, 2.0, -2.0]]
    code = codes_of(layer)
    assert (code.table.tolist(), code.codes.tolist()) == ([1.0, 2.0], [[1, -1, 0], [1, 1, -1]])
    assert code.bits == 2  # ±1 and the pruned 0
    # Row 1: sign·(Σ g·sign)/n = ±(1 − 2)/2, and α·g = 1·1 where |w| ≤ 1 alone. Row 2: ±(4 + 5 − 6)/3, and 2·5 for the ½.
    wanted = [[-0.5 + 1.0, 0.5, 0.0], [1.0, 1.0 + 10.0, -1.0]]
    torch.testing.assert_close(gradient(layer, latent(layer)), torch.tensor(wanted))


def test_a_whole_binary_layer_has_one_bit():
    assert codes_of(quantized(BWN(), [[0.5, -1.5]])).bits == 1


def test_binary_connect_is_a_sign_and_clips_what_it_reads_in_training():
    layer = quantized(BinaryConnect(), [[0.5, -1.5, 0.0, 4.0]])
    assert layer.weight.tolist() == [[2.0, -2.0, 0.0, 2.0]]
    assert gradient(layer, latent(layer)).tolist() == [[1.0, 2.0, 0.0, 4.0]]
    assert latent(layer).tolist() == [[0.5, -1.5, 0.0, 4.0]]
    layer.train()
    assert layer.weight.tolist() == [[2.0, -2.0, 0.0, 2.0]]
    assert latent(layer).tolist() == [[0.5, -1.5, 0.0, 2.0]]


def test_stochastic_binary_connect_draws_by_how_near_the_sign_is():
    # H = 1; (0.5 + 1)/2 = 0.75 of the draws are +1.
    layer = quantized(StochasticBinaryConnect(), [[0.5, -1.5]])
    layer.train()
    torch.manual_seed(0)
    draws = torch.stack([layer.weight.detach().clone() for _ in range(2000)])
    assert set(draws.unique().tolist()) == {-1.0, 1.0}
    assert (draws[:, 0, 0] > 0).float().mean() == pytest.approx(0.75, abs=0.03)
    assert (draws[:, 0, 1] == -1).all()
    assert layer.eval().weight.tolist() == [[1.0, -1.0]]


def test_twn_by_hand():
    # mean |w| = (1 + 0.2 + 3 + 2)/4 = 1.55, Δ = 1.085: −3 and 2 stay, at α = 2.5.
    layer = quantized(TWN(), [[1.0, 0.2, -3.0], [0.0, 2.0, 0.0]])
    assert layer.weight.tolist() == [[0.0, 0.0, -2.5], [0.0, 2.5, 0.0]]
    code = codes_of(layer)
    assert (code.table.tolist(), code.bits) == ([2.5], 2)
    assert gradient(layer, latent(layer)).tolist() == [[1.0, 2.0, 3.0], [0.0, 5.0, 0.0]]


def test_lsq_by_hand():
    # b = 3: levels −4 … 3; Δ = 2·mean|w|/√3 = 2·√3/√3 = 2 for mean |w| = √3.
    size = math.sqrt(3)
    layer = quantized(LSQ(3), [[size * 3.2, -size * 0.2, 0.0], [size * 0.4, -size * 0.2, 0.0]])
    quantizer = layer.parametrizations.weight[0]
    assert quantizer.step.item() == pytest.approx(2.0)
    assert codes_of(layer).codes.tolist() == [[3, 0, 0], [0, 0, 0]]  # 2.77 → 3, −0.17, 0.35, −0.17
    # ∂/∂Δ: round(r) − r each, times its place, by 1/√(n·3): latent zeros give none.
    ratios = [size * 1.6, -size * 0.1, 0.0, size * 0.2, -size * 0.1, 0.0]
    wanted = sum((round(r) - r) * place for place, r in enumerate(ratios, start=1)) / math.sqrt(6 * 3)
    assert gradient(layer, quantizer.step).item() == pytest.approx(wanted, rel=1e-4)
    assert gradient(layer, latent(layer)).tolist() == [[1.0, 2.0, 0.0], [4.0, 5.0, 0.0]]


def test_beyond_the_last_level_lsq_passes_the_gradient_to_the_step():
    layer = quantized(LSQ(2, "channel"), [[10.0, -10.0]])
    quantizer = layer.parametrizations.weight[0]
    with torch.no_grad():
        quantizer.step.fill_(1.0)
    assert layer.weight.tolist() == [[1.0, -2.0]]
    assert gradient(layer, latent(layer)).tolist() == [[0.0, 0.0]]
    assert gradient(layer, quantizer.step).item() == pytest.approx((1 * 1 - 2 * 2) / math.sqrt(2 * 1))


def test_dorefa_by_hand():
    # tanh w / max = −1, 0.5, 1: with n = 3, (x + 1)/2·3 = 0, 2.25, 3 → 0, 2, 3, so the odd integers −3, 1, 3.
    values = [-2.0, math.atanh(0.5 * math.tanh(2.0)), 2.0]
    layer = quantized(DoReFa(2), [values])
    code = codes_of(layer)
    assert code.codes.tolist() == [[-3, 1, 3]]
    # Σ|w| is kept: 7 thirds of the scale.
    assert layer.weight.detach().abs().sum().item() == pytest.approx(sum(map(abs, values)), rel=1e-6)
    assert code.table.item() == pytest.approx(sum(map(abs, values)) / 7, rel=1e-6)


def test_one_bit_of_dorefa_is_the_sign_times_the_mean():
    layer = quantized(DoReFa(1), [[0.25, -0.75, 0.0]])
    assert layer.weight.tolist() == [[0.5, -0.5, 0.0]]


def test_bases_by_hand():
    # ±3 ± 1 gives −4, −2, 2, 4 exactly.
    layer = quantized(BinaryBases(2), [[-4.0, -2.0, 2.0, 4.0, 0.0]])
    torch.testing.assert_close(layer.weight.detach(), torch.tensor([[-4.0, -2.0, 2.0, 4.0, 0.0]]))
    alphas = layer.parametrizations.weight[0].alphas
    torch.testing.assert_close(alphas.detach(), torch.tensor([3.0, 1.0]))
    # ∂/∂α₁ = −1 − 2 + 3 + 4 with places as weights, ∂/∂α₂ = −1 + 2 − 3 + 4.
    assert gradient(layer, alphas).tolist() == [4.0, 2.0]
    assert gradient(layer, latent(layer)).tolist() == [[1.0, 2.0, 3.0, 4.0, 0.0]]


@given(st.lists(st.floats(-10, 10), min_size=1, max_size=8), st.integers(1, 3))
def test_more_bases_never_raise_the_error(values, bases):
    target = torch.tensor(values, dtype=torch.float64)

    def error(count: int) -> float:
        levels = sign_patterns(count).double() @ decompose(target, count)
        return float((target[:, None] - levels).abs().min(1).values.square().sum())

    assert error(bases + 1) <= error(bases) * (1 + 1e-6) + 1e-9


def test_one_base_is_the_optimum():
    values = torch.tensor([3.0, -1.0, 0.5, -0.2])
    assert decompose(values, 1).item() == pytest.approx(values.abs().mean().item())
    signs = torch.tensor(list(itertools.product([-1.0, 1.0], repeat=4)))
    # For signs b the best scale is bᵀv/n, and the error ‖v‖² − (bᵀv)²/n.
    best = (values.square().sum() - (signs @ values).square() / 4).min()
    assert best.item() == pytest.approx((values - decompose(values, 1) * values.sign()).square().sum().item())


@pytest.mark.parametrize("make", [lambda: LSQ(1), lambda: DoReFa(0), lambda: BinaryBases(7)])
def test_impossible_widths_are_refused(make):
    with pytest.raises(ValueError, match="Input should be"):
        make()


def test_a_mask_set_later_counts_too():
    layer = quantized(BWN(), [[1.0, -5.0]])
    set_mask(layer, torch.tensor([[True, False]]))
    assert layer.weight.tolist() == [[1.0, 0.0]]


def test_layers_can_be_spared(two_samples):
    net = nn.Sequential(nn.Linear(2, 3), nn.Linear(3, 2))
    before = net[1].weight.detach().clone()
    stage = Quantize(BWN(), skip=["1"])
    stage.check(net)
    stage(net, Context(two_samples, seed=0))
    assert len(net[0].weight[0].abs().unique()) == 1
    assert torch.equal(net[1].weight, before)
    with pytest.raises(ConfigError, match="skip names the layer '2', which is not there; there are: 0, 1"):
        Quantize(BWN(), skip=["2"]).check(net)
