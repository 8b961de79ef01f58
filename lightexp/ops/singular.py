"""Singular values made smaller."""

import torch
from torch import Tensor


def shrink_singular_values(matrix: Tensor, share: float) -> Tensor:
    """U · max(S − τ, 0) · Vᵀ with τ = share · σ₁: the matrix X that minimises ‖X − W‖²/2 + τ·‖X‖_* (Cai et al. 2010).

    Computed in float64 from W·Wᵀ on the smaller side, an order of magnitude faster than by a decomposition of W itself:
    U · max(1 − τ/S, 0) · Uᵀ · W.
    """
    if matrix.shape[0] > matrix.shape[1]:
        return shrink_singular_values(matrix.T, share).T
    exact = matrix.double()
    squares, u = torch.linalg.eigh(exact @ exact.T)
    s = squares.clamp_min(0).sqrt()
    threshold = share * s[-1]
    factor = torch.where(s > threshold, 1 - threshold / s, 0)
    return ((u * factor) @ (u.T @ exact)).to(matrix.dtype)
