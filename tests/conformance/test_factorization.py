"""What every factorization and every choice of ranks keeps to."""

import pytest
import torch
from torch import nn

from lightexp.factorize import SVD, Candidate, Factorization, Tucker2

LAYERS = [nn.Linear(30, 20), nn.Conv2d(8, 12, 3, padding=1), nn.Conv2d(3, 10, (3, 5), (2, 1), bias=False), nn.Conv2d(9, 8, 1)]


def weights(factorization: Factorization) -> list[torch.Tensor]:
    torch.manual_seed(0)
    shapes = [layer.weight.shape for layer in LAYERS if factorization.takes(layer)]
    assert shapes
    # Of quickly falling singular values, as trained weights are.
    return [torch.randn(shape) * 0.5 ** torch.arange(shape[0]).reshape(-1, *[1] * (len(shape) - 1)) for shape in shapes]


def product(factors: list[torch.Tensor]) -> torch.Tensor:
    """The weight that the factors make up together: the answers to unit pixels."""
    if factors[0].dim() == 2:
        return factors[1] @ factors[0]
    rows, columns = (max(factor.shape[side] for factor in factors) for side in (2, 3))
    x = torch.zeros(factors[0].shape[1], factors[0].shape[1], 2 * rows - 1, 2 * columns - 1).double()
    x[:, :, rows - 1, columns - 1] = torch.eye(len(x))
    for factor in factors:
        x = nn.functional.conv2d(x, factor, groups=x.shape[1] // factor.shape[1])
    return x.flip(2, 3).transpose(0, 1)


def test_a_factorization_gives_the_weights_of_the_layers_it_names(factorization):
    for weight in weights(factorization):
        full = factorization.full(weight.shape)
        for ranks in ([1] * len(full), [(most + 1) // 2 for most in full], full):
            torch.manual_seed(sum(ranks))  # what was drawn before plays no part
            factors, again = (factorization.factors(weight, ranks, seed=3) for _ in range(2))
            assert all(torch.equal(one, other) for one, other in zip(factors, again, strict=True))
            layer = nn.Linear(*weight.T.shape) if weight.dim() == 2 else nn.Conv2d(*weight.shape[1::-1], weight.shape[2:])
            made = factorization.edit("0", ranks).apply(nn.Sequential(layer))
            assert [inner.weight.shape for inner in made] == [factor.shape for factor in factors]
            assert all(factor.isfinite().all() for factor in factors)
            assert factorization.params(weight.shape, ranks) == sum(factor.numel() for factor in factors)


@pytest.mark.parametrize(
    "make", [torch.zeros, torch.ones, lambda shape: torch.zeros(shape).index_fill(0, torch.tensor(1), 2.0)]
)
def test_a_factorization_takes_weights_that_are_dead_or_of_rank_one(factorization, make):
    for weight in weights(factorization):
        ranks = [min(3, most) for most in factorization.full(weight.shape)]
        factors = factorization.factors(make(weight.shape), ranks, seed=0)
        assert all(factor.isfinite().all() for factor in factors)
        torch.testing.assert_close(product(factors), make(weight.shape).double(), atol=1e-6, rtol=0)


def test_a_choice_of_ranks_names_ranks_that_there_are(rank):
    for factorization in (SVD(), Tucker2()):
        candidates = {str(at): Candidate(factorization, weight) for at, weight in enumerate(weights(factorization))}
        before = {name: candidate.weight.clone() for name, candidate in candidates.items()}
        chosen, again = rank(candidates), rank(candidates)
        assert chosen == again
        assert chosen and chosen.keys() <= candidates.keys()
        for name, ranks in chosen.items():
            full = factorization.full(before[name].shape)
            assert all(1 <= size <= most for size, most in zip(ranks, full, strict=True))
            assert torch.equal(candidates[name].weight, before[name])
        assert any(candidates[name].saves(ranks) for name, ranks in chosen.items())
