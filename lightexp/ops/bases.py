"""Binary decomposition: a vector as a sum of few scaled vectors of ±1."""

import torch
from torch import Tensor


def sign_patterns(bases: int) -> Tensor:
    """All 2^m rows of m signs, ±1; row k has +1 in column i where bit i of k is set."""
    return (torch.arange(2**bases)[:, None] >> torch.arange(bases) & 1) * 2 - 1


def decompose(values: Tensor, bases: int, rounds: int = 20) -> Tensor:
    """αᵢ of a small squared error ‖v − Σᵢ αᵢ Bᵢ‖², Bᵢ of ±1: float64, m.

    One base after another: α = mean |r| of the residual r (Guo et al. 2017, refined network sketching), then in turn the
    nearest sum for each value and the least-squares α for these signs. No step raises the error, nor does a further base.

    Args:
        values: N floats; none gives α = 0.
    """
    values = values.double()
    alphas = values.new_zeros(0)
    for _ in range(bases):
        residual = values - _nearest(values, alphas) @ alphas
        alphas = torch.cat([alphas, residual.abs().mean()[None] if values.numel() else values.new_zeros(1)])
        for _ in range(rounds if values.numel() else 0):
            signs = _nearest(values, alphas)
            # Two bases that agree on every value make the normal equations singular; the pseudo-inverse shares α between them.
            alphas = torch.linalg.pinv(signs.T @ signs) @ (signs.T @ values)
    return alphas


def _nearest(values: Tensor, alphas: Tensor) -> Tensor:
    """The signs, N×m, whose sum comes nearest to each value."""
    patterns = sign_patterns(len(alphas)).to(alphas)
    levels, order = (patterns @ alphas).sort()
    return patterns[order[torch.bucketize(values, (levels[1:] + levels[:-1]) / 2)]]
