"""Gradients for functions that have none, or a slow one."""

import torch
from torch import Tensor


class _StraightThrough(torch.autograd.Function):
    @staticmethod
    def forward(ctx, value: Tensor, surrogate: Tensor) -> Tensor:
        # Rounding gives negative zeros; the integer 0 has one sign.
        return value + 0.0

    @staticmethod
    def backward(ctx, grad: Tensor):
        return None, grad


def straight_through(value: Tensor, surrogate: Tensor) -> Tensor:
    """`value` on the way forward, to the bit, and the gradient of `surrogate` on the way back (Bengio et al. 2013)."""
    return _StraightThrough.apply(value, surrogate)


class _ScaleGradient(torch.autograd.Function):
    @staticmethod
    def forward(ctx, value: Tensor, factor: float) -> Tensor:
        ctx.factor = factor
        return value.view_as(value)

    @staticmethod
    def backward(ctx, grad: Tensor):
        return grad * ctx.factor, None


def scale_gradient(value: Tensor, factor: float) -> Tensor:
    """`value`, whose gradient is multiplied by `factor` on the way back."""
    return _ScaleGradient.apply(value, factor)


class _Gather(torch.autograd.Function):
    @staticmethod
    def forward(ctx, table: Tensor, codes: Tensor) -> Tensor:
        ctx.save_for_backward(codes)
        ctx.size = len(table)
        return table[codes.long()]

    @staticmethod
    def backward(ctx, grad: Tensor):
        (codes,) = ctx.saved_tensors
        summed = torch.bincount(codes.reshape(-1), weights=grad.reshape(-1), minlength=ctx.size)
        return summed.to(grad.dtype), None


def gather(table: Tensor, codes: Tensor) -> Tensor:
    """table[codes], whose gradient for an entry is the sum over all weights that share it: ∂L/∂cₖ = Σ_{i: code=k} ∂L/∂wᵢ.

    (Han et al. 2016, eq. 3.) One counting pass, an order of magnitude faster than the backward of indexing, and in a fixed order.

    Args:
        table: K floats. codes: integers in 0 … K−1, any shape.
    """
    return _Gather.apply(table, codes)
