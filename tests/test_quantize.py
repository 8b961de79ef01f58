"""Quantizers: the codes by hand, in every scope; zeros stay zero."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from torch import Tensor, nn

from lightexp.quantize import KMeans, LayerWeight, Quantizer, Uniform
from lightexp.reparam import WeightCode, codes_of, set_mask, set_quantizer

PRUNED = 0.0


def quantized(quantizer: Quantizer, *weights: list[list[float]]) -> list[WeightCode]:
    """The codes of layers whose zeros are pruned, as a net would carry them."""
    layers = {}
    for index, weight in enumerate(torch.tensor(weight) for weight in weights):
        layers[str(index)] = layer = nn.Linear(weight.shape[1], weight.shape[0])
        layer.weight.data = weight
        set_mask(layer, weight != PRUNED)
    given_weights = {name: LayerWeight(layer.weight.detach(), layer.weight != PRUNED) for name, layer in layers.items()}
    fitted = quantizer.fit(given_weights, seed=0, probe=None)
    assert list(fitted) == list(layers)
    for name, layer in layers.items():
        set_quantizer(layer, fitted[name])
    return [codes_of(layer) for layer in layers.values()]


def test_kmeans_by_hand():
    # Without the zero: {−3, −1} around −2 and {2, 2.5, 3} around 2.5.
    (code,) = quantized(KMeans(2), [[2.0, PRUNED, -3.0], [3.0, -1.0, 2.5]])
    assert code.codes.tolist() == [[2, 0, 1], [2, 1, 2]]
    assert code.table.tolist() == [-2.0, 2.5]
    assert (code.is_lookup, code.bits) == (True, 2)  # 3 values with the 0
    assert code.decode().tolist() == [[2.5, 0.0, -2.0], [2.5, -2.0, 2.5]]


def test_each_layer_has_a_codebook_of_its_own_and_no_more_values_than_it_needs():
    one, other, dead = quantized(KMeans(7), [[1.0, 1.0, 2.0]], [[-5.0, PRUNED]], [[PRUNED, PRUNED]])
    assert (one.table.tolist(), other.table.tolist()) == ([1.0, 2.0], [-5.0])
    assert other.codes.tolist() == [[1, 0]]
    assert dead.decode().tolist() == [[0.0, 0.0]]


@pytest.mark.parametrize(("clusters", "bits"), [(1, 1), (3, 2), (4, 3), (15, 4), (255, 8), (256, 9)])
def test_nominal_bits_and_codes_count_the_zero_too(clusters, bits):
    (code,) = quantized(KMeans(clusters, "linear"), [torch.linspace(1, 2, 1000).tolist() + [PRUNED]])
    assert (len(code.table), code.bits) == (clusters, bits)
    assert code.codes.unique().tolist() == list(range(clusters + 1))


def test_the_random_start_follows_the_seed():
    weight = torch.randn(20, 20, generator=torch.Generator().manual_seed(0))
    layer = {"0": LayerWeight(weight, weight != 0)}
    one, again, other = (KMeans(5, "random").fit(layer, seed, None)["0"].table for seed in (1, 1, 2))
    assert torch.equal(one, again)
    assert not torch.equal(one, other)


ROWS = ([[3.0, -1.0, PRUNED], [0.6, 0.2, -0.4]], [[12.0, 4.0]])


@pytest.mark.parametrize(
    ("scope", "steps", "codes"),
    [
        # 3 bits: |q| ≤ 3. Each channel is on a grid of its own: 3/3, 0.6/3 and 12/3.
        ("channel", [[1.0, 0.2], [4.0]], [[[3, -1, 0], [3, 1, -2]], [[3, 1]]]),
        # (3Δ − 3)² + (Δ − 1)² + (Δ − 0.6)² is least at 9(Δ − 1) + (Δ − 1) + (Δ − 0.6) = 0, Δ = 10.6/11 = 0.9636: 96 % of 3/3.
        ("tensor", [[0.96], [4.0]], [[[3, -1, 0], [1, 0, 0]], [[3, 1]]]),
        # (3Δ − 12)² + (Δ − 4)² + (Δ − 3)² is least at 9(Δ − 4) + (Δ − 4) + (Δ − 3) = 0, Δ = 43/11 = 3.909: 98 % of 12/3.
        ("net", [[3.92], [3.92]], [[[1, 0, 0], [0, 0, 0]], [[3, 1]]]),
    ],
)
def test_uniform_by_hand_in_every_scope(scope, steps, codes):
    found = quantized(Uniform(bits=3, scope=scope), *ROWS)
    assert [code.codes.tolist() for code in found] == codes
    for code, wanted in zip(found, steps, strict=True):
        torch.testing.assert_close(code.table, torch.tensor(wanted), rtol=1e-5, atol=0)
        assert (code.is_lookup, code.bits) == (False, 3)


def test_a_channel_of_a_convolution_is_an_output():
    weight = torch.arange(1.0, 17.0).reshape(2, 2, 2, 2)
    steps = Uniform(bits=8, scope="channel").fit({"0": LayerWeight(weight, weight != 0)}, 0, None)["0"].step
    torch.testing.assert_close(steps, torch.tensor([8 / 127, 16 / 127]), rtol=0.1, atol=0)


def nonzero() -> st.SearchStrategy[float]:
    return st.floats(-4, 4, width=32).filter(lambda value: abs(value) > 1e-3)


QUANTIZERS = [
    KMeans(3),
    KMeans(3, "linear"),
    KMeans(2, "random"),
    *(Uniform(2, scope) for scope in ("net", "tensor", "channel")),
]


@pytest.mark.parametrize("quantizer", QUANTIZERS, ids=str)
@given(weight=st.lists(st.lists(st.just(PRUNED) | nonzero(), min_size=4, max_size=4), min_size=1, max_size=4))
def test_zeros_stay_zero_and_no_weight_moves_further_than_the_range(quantizer, weight):
    (code,) = quantized(quantizer, weight)
    before, after = torch.tensor(weight), code.decode()
    assert not after[before == PRUNED].any()
    assert after.abs().max() <= before.abs().max() * (1 + 1e-6)
    assert (after * before >= 0).all() or code.is_lookup


def relative_error(quantizer: Quantizer, weight: Tensor) -> float:
    (code,) = quantized(quantizer, weight.tolist())
    return float((code.decode() - weight).norm() / weight.norm())


def test_more_bits_are_nearer():
    weight = torch.randn(300, 300, generator=torch.Generator().manual_seed(0))
    # The least mean squared errors for 15 levels on a gaussian: 0.01289 if they are equally spaced, 0.01074 if not (Max 1960).
    assert relative_error(Uniform(4), weight) == pytest.approx(0.01289**0.5, rel=0.02)
    assert relative_error(KMeans(15), weight) == pytest.approx(0.01074**0.5, rel=0.02)
    assert relative_error(Uniform(8), weight) < 0.01 < relative_error(Uniform(5), weight) < relative_error(Uniform(3), weight)


@pytest.mark.parametrize("make", [lambda: KMeans(0), lambda: KMeans(2**16), lambda: Uniform(1), lambda: Uniform(17)])
def test_impossible_sizes_are_refused(make):
    with pytest.raises(ValidationError):
        make()
