"""Uniform symmetric quantization: integers times a step."""

import torch
from torch import Tensor


def to_integers(values: Tensor, step: Tensor, largest: int) -> Tensor:
    """q = clamp(round(v / Δ), −largest, largest), as floats that hold integers; exact zeros stay 0."""
    return torch.round(values / step).clamp(-largest, largest)


def best_step(values: Tensor, largest: int, candidates: int = 100) -> Tensor:
    """The step Δ of least squared error ‖v − Δ·q(v)‖² per row, among steps that put 1 % … 100 % of max|v| at the last level.

    A largest weight far from the rest makes max|v| a poor range at few bits; the squared error weighs clipping against rounding.

    Args:
        values: R×N, each row quantized by a step of its own.

    Returns:
        Steps, float32, R×1; 1 for a row of zeros.
    """
    peak = values.abs().amax(dim=1, keepdim=True)
    # Relative to the peak: the squares of weights below 1e-23 are 0 in float32.
    relative = torch.where(peak > 0, values / peak, 0)
    best, least = torch.ones_like(peak), torch.full_like(peak, torch.inf)
    for share in torch.linspace(1 / candidates, 1, candidates).tolist():
        step = torch.full_like(peak, share / largest)
        error = (relative - step * to_integers(relative, step, largest)).square().sum(dim=1, keepdim=True)
        better = error < least
        best, least = torch.where(better, step, best), torch.where(better, error, least)
    return torch.where(peak > 0, (best * peak).clamp_min(torch.finfo(peak.dtype).tiny), 1)
