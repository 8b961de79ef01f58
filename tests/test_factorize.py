"""Factorizations and ranks: known products, the nearest matrix, counts and ranks by hand, and the same bits each time."""

import math
from itertools import pairwise

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from torch import nn

from lightexp.errors import ConfigError
from lightexp.factorize import CP, SVD, Candidate, Energy, Factorization, GlobalRatio, Ratio, Tucker2
from lightexp.ops.singular import shrink_singular_values


def factorized(layer: nn.Module, method: Factorization, ranks: list[int]) -> nn.Module:
    """What takes the place of a layer, with its weights."""
    net = nn.Sequential(layer)
    made = method.edit("0", ranks).apply(net)
    with torch.no_grad():
        for inner, factor in zip(made, method.factors(layer.weight, ranks, 0), strict=True):
            inner.weight.copy_(factor)
        if layer.bias is not None:
            made[-1].bias.copy_(layer.bias)
    return net


def diagonal(*values: float, shape: tuple[int, int] | None = None) -> torch.Tensor:
    matrix = torch.zeros(shape or (len(values), len(values)))
    matrix.diagonal()[: len(values)] = torch.tensor(values)
    return matrix


# Products


def test_the_svd_of_a_diagonal_by_hand():
    first, second = SVD().factors(diagonal(9.0, 4.0, 1.0), [2], seed=0)
    # √9 = 3 and √4 = 2 on either side, whatever the signs; the 1 is lost.
    assert torch.allclose(first.abs(), diagonal(3.0, 2.0, shape=(2, 3)).double())
    assert torch.allclose(second.abs(), diagonal(3.0, 2.0, shape=(3, 2)).double())
    assert torch.allclose(second @ first, diagonal(9.0, 4.0, 0.0).double())


LINEAR = st.builds(nn.Linear, st.integers(1, 9), st.integers(1, 9), st.booleans())
CONVOLUTION = st.builds(
    nn.Conv2d,
    st.integers(1, 5),
    st.integers(1, 7),
    st.tuples(st.integers(1, 3), st.integers(2, 3)),
    stride=st.integers(1, 2),
    padding=st.integers(0, 2),
    dilation=st.integers(1, 2),
    bias=st.booleans(),
)


@settings(max_examples=60)
@given(LINEAR, st.integers(0, 2**32 - 1))
def test_a_linear_layer_of_full_rank_computes_what_it_did(layer, seed):
    torch.manual_seed(seed)
    x = torch.randn(3, layer.in_features)
    net = factorized(layer, SVD(), SVD().full(layer.weight.shape))
    torch.testing.assert_close(net(x), layer(x), atol=1e-5, rtol=1e-5)


@settings(max_examples=60)
@given(CONVOLUTION, st.sampled_from([SVD(), Tucker2()]), st.integers(0, 2**32 - 1))
def test_a_convolution_of_full_rank_computes_what_it_did(layer, method, seed):
    torch.manual_seed(seed)
    x = torch.randn(2, layer.in_channels, 8, 7)
    net = factorized(layer, method, method.full(layer.weight.shape))
    torch.testing.assert_close(net(x), layer(x), atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("rank", [1, 2, 4])
def test_cp_finds_the_components_that_a_weight_is_made_of(rank):
    torch.manual_seed(rank)
    layer, x = nn.Conv2d(6, 9, (3, 2), stride=2, padding=1), torch.randn(2, 6, 9, 8)
    layer.weight.data = torch.einsum("or,ir,xr,yr->oixy", *(torch.randn(side, rank) for side in (9, 6, 3, 2)))
    torch.testing.assert_close(factorized(layer, CP(1000), [rank])(x), layer(x), atol=1e-4, rtol=1e-4)
    factors = CP().factors(layer.weight, [rank], 0)
    into, rows, columns, out = (factor.reshape(rank, -1) for factor in (*factors[:3], factors[3].transpose(0, 1)))
    for other in (rows, columns, out):  # a component's norm is shared evenly
        torch.testing.assert_close(other.norm(dim=1), into.norm(dim=1))


@settings(max_examples=60)
@given(st.integers(2, 8), st.integers(2, 8), st.data())
def test_the_svd_is_the_nearest_matrix_of_its_rank(rows, columns, data):
    torch.manual_seed(rows * columns)
    weight, rank = torch.randn(rows, columns), data.draw(st.integers(1, min(rows, columns)))
    first, second = SVD().factors(weight, [rank], 0)
    product = second @ first
    assert torch.linalg.matrix_rank(product) == rank
    # Eckart and Young: what is missing is the singular values left out.
    lost = torch.linalg.svdvals(weight.double())[rank:].norm()
    assert (weight - product).norm().item() == pytest.approx(lost.item(), abs=1e-6)


def test_tucker_gets_no_worse_with_the_rank_and_keeps_its_bound():
    torch.manual_seed(0)
    weight = torch.randn(12, 10, 3, 3)
    lost = []
    for ranks in ([2, 3], [5, 6], [8, 10], [10, 12]):
        into, core, out = (factor.squeeze() for factor in Tucker2().factors(weight, ranks, 0))
        lost.append((torch.einsum("op,pqxy,qi->oixy", out, core, into) - weight).square().sum())
        spectra = [torch.linalg.svdvals(matrix.double()).square() for matrix in Tucker2().matrices(weight)]
        assert lost[-1] <= sum(s[rank:].sum() for s, rank in zip(spectra, ranks, strict=True)) + 1e-9
    assert all(more > less for more, less in pairwise(lost))


@pytest.mark.parametrize(
    ("method", "shape", "ranks", "count"),
    [
        (SVD(), (100, 300), [18], 18 * 400),
        (SVD(), (64, 32, 3, 3), [10], 10 * (32 * 9 + 64)),
        (Tucker2(), (64, 32, 3, 3), [8, 16], 32 * 8 + 9 * 8 * 16 + 16 * 64),
        (CP(), (64, 32, 3, 5), [20], 20 * (64 + 32 + 3 + 5)),
    ],
)
def test_how_many_weights_the_factors_have_by_hand(method, shape, ranks, count):
    assert method.params(torch.Size(shape), ranks) == count


# Ranks


def candidate(weight: torch.Tensor, method: Factorization | None = None) -> Candidate:
    return Candidate(method or SVD(), weight)


@pytest.mark.parametrize(("share", "rank"), [(0.1, 1), (9 / 14, 1), (0.65, 2), (0.92, 2), (0.93, 3), (1.0, 3)])
def test_the_rank_that_holds_an_energy_by_hand(share, rank):
    # 9 of 14, 13 of 14, all.
    assert Energy(share)({"a": candidate(diagonal(3.0, 2.0, 1.0))}) == {"a": [rank]}


def test_the_energy_of_a_convolution_is_that_of_both_unfoldings():
    weight = torch.zeros(4, 3, 2, 2)
    weight[0, 0], weight[1, 1, 0, 0] = 2.0, 1.0  # 16 of 17 in the first channel and filter
    assert Energy(0.9)({"a": candidate(weight, Tucker2())}) == {"a": [1, 1]}
    weight[1, 1], weight[2, 1] = 2.0, 2.0  # filters 16, 16, 16; channels 16, 32, and the filters of one are alike
    assert Energy(0.9)({"a": candidate(weight, Tucker2())}) == {"a": [2, 2]}
    weight[2, 1, 0, 0] = -2.0
    assert Energy(0.999)({"a": candidate(weight, Tucker2())}) == {"a": [2, 3]}
    assert Energy(0.5)({"a": candidate(torch.zeros(4, 3), SVD())}) == {"a": [1]}


def test_a_ratio_in_each_layer_by_hand():
    found = Ratio(0.25)(
        {
            "linear": candidate(torch.empty(100, 300)),  # ⌊7500 / 400⌋ = 18
            "small": candidate(torch.empty(3, 4)),  # one rank is 7 of 12
            # Of 288 weights 72. At t = 2/8: 4·1 + 9·1·2 + 2·8 = 38; at t = 3/8: 4·2 + 9·2·3 + 3·8 = 86.
            "tucker": candidate(torch.empty(8, 4, 3, 3), Tucker2()),
            "cp": candidate(torch.empty(8, 4, 3, 3), CP()),  # ⌊72 / 18⌋ = 4
        }
    )
    assert found == {"linear": [18], "tucker": [1, 2], "cp": [4]}
    assert Ratio(0.2)({"linear": candidate(torch.empty(10, 10))}) == {"linear": [1]}


def test_a_ratio_of_the_whole_net_by_hand():
    # A rank of "a" costs 16 weights and one of "b" 8, so with energies of 16, 9, 4, 1 of 30 and 4, 1 of 5 the shares a weight
    # are 0.033, 0.019, 0.008, 0.002 and 0.1, 0.025. Of 80 weights 0.7 are 56: "b" stays dense with 16, and 32 go to "a".
    layers = {"a": candidate(diagonal(4.0, 3.0, 2.0, 1.0, shape=(8, 8))), "b": candidate(diagonal(2.0, 1.0, shape=(4, 4)))}
    assert GlobalRatio(0.7)(layers) == {"a": [2], "b": [2]}
    assert GlobalRatio(0.4)(layers) == {"a": [1], "b": [2]}
    assert GlobalRatio(0.3)(layers) == {"a": [1], "b": [1]}
    with pytest.raises(ConfigError, match="0.29 cannot be reached: even at rank 1 the layers have over 23 weights"):
        GlobalRatio(0.29)(layers)


@settings(max_examples=50, deadline=None)
@given(st.floats(0.15, 0.95), st.integers(0, 2**32 - 1))
def test_a_ratio_of_the_whole_net_is_kept_and_used(ratio, seed):
    torch.manual_seed(seed)
    layers = {"a": candidate(torch.randn(40, 30)), "b": candidate(torch.randn(20, 40)), "c": candidate(torch.randn(9, 20))}
    before = sum(c.weight.numel() for c in layers.values())

    def params(ranks: dict[str, list[int]]) -> int:
        return sum(min(c.params(ranks[name]), c.weight.numel()) for name, c in layers.items())

    ranks = GlobalRatio(ratio)(layers)
    assert params(ranks) <= ratio * before
    # No room for one rank more in the dearest layer.
    assert params(ranks) > ratio * before - 70 or params(ranks) == before


@pytest.mark.parametrize("make", [lambda: Ratio(0), lambda: Ratio(1), lambda: Energy(0), lambda: Energy(1.1), lambda: CP(0)])
def test_impossible_options_are_refused(make):
    with pytest.raises(ValidationError):
        make()


# Shrinking


def test_shrinking_by_hand():
    shrunk = shrink_singular_values(diagonal(4.0, -3.0, 1.0, shape=(3, 5)), 0.5)
    assert torch.allclose(shrunk, diagonal(2.0, -1.0, 0.0, shape=(3, 5)))
    assert not shrink_singular_values(torch.zeros(3, 2), 0.5).any()


@settings(max_examples=60)
@given(st.integers(1, 8), st.integers(1, 8), st.floats(0, 0.99), st.integers(0, 2**32 - 1))
def test_shrinking_is_the_decomposition_with_smaller_singular_values(rows, columns, share, seed):
    torch.manual_seed(seed)
    matrix = torch.randn(rows, columns)
    u, s, vt = torch.linalg.svd(matrix.double(), full_matrices=False)
    expected = u @ torch.diag((s - share * s[0]).clamp_min(0)) @ vt
    found = shrink_singular_values(matrix, share)
    assert found.dtype == torch.float32
    assert math.isclose((found - expected).norm().item(), 0, abs_tol=1e-5)
