"""Binary decomposition: a vector as a sum of few scaled vectors of ±1."""

import torch
from torch import Tensor


def sign_patterns(bases: int) -> Tensor:
    """All 2^m rows of m signs, ±1; row k has +1 in column i where bit i of k is set."""
    return (torch.arange(2**bases)[:, None] >> torch.arange(bases) & 1) * 2 - 1


def decompose(values: Tensor, bases: int, rounds: int = 20) -> Tensor:
    """αᵢ of a small squared error ‖v − Σᵢ αᵢ Bᵢ‖², Bᵢ of ±1: float64, m.

    Greedy on the residual r, B = sign(r) and α = mean |r| (Guo et al. 2017, network sketching), then in turn the nearest sum for
    each value and the least-squares α for these signs, which never raises the error.

    Args:
        values: N floats; none gives α = 0.
    """
    residual, alphas = values.double(), []
    for _ in range(bases):
        alphas.append(residual.abs().mean() if residual.numel() else residual.new_zeros(()))
        residual = residual - alphas[-1] * torch.where(residual < 0, -1.0, 1.0)
    best = torch.stack(alphas)
    patterns = sign_patterns(bases).double().to(best)
    for _ in range(rounds if values.numel() else 0):
        levels, order = (patterns @ best).sort()
        signs = patterns[order[torch.bucketize(values.double(), (levels[1:] + levels[:-1]) / 2)]]
        # The normal equations are singular where two bases agree on every value; the pseudo-inverse shares α between them.
        best = torch.linalg.pinv(signs.T @ signs) @ (signs.T @ values.double())
    return best
