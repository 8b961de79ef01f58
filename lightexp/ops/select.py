"""Selection of an exact number of the largest scores."""

import torch
from torch import Tensor


def keep_largest(scores: Tensor, count: int) -> Tensor:
    """Mark exactly `count` of the largest scores, ties going to the lower index, so that sparsity is met to the weight.

    Args:
        scores: any shape, no NaN; -inf is kept last.
        count: 0 ≤ count ≤ scores.numel().

    Returns:
        A bool tensor of the shape of `scores` with exactly `count` True.
    """
    flat = scores.detach().reshape(-1)
    if torch.isnan(flat).any():
        raise ValueError("scores hold NaN")
    if count >= flat.numel():
        return torch.ones_like(scores, dtype=torch.bool)
    if count <= 0:
        return torch.zeros_like(scores, dtype=torch.bool)
    cut = torch.kthvalue(flat, flat.numel() - count + 1).values
    kept = flat > cut
    ties = torch.nonzero(flat == cut).reshape(-1)
    kept[ties[: count - int(kept.sum())]] = True
    return kept.reshape(scores.shape)
