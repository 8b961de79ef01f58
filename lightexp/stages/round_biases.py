"""Biases of few bits."""

from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor, nn

from lightexp.spec import spec
from lightexp.stages.stage import Context, Stage


@spec
class RoundBiases(Stage):
    """Round each bias vector to whole multiples of a power of two, which its file keeps as small integers.

    b ≈ 2ᵉ·q, |q| ≤ 2^(bits−1) − 1, with the least e that reaches max |b|. A fit behind it would move them off again: put it
    last.

    bits: of q, its sign among them.
    """

    bits: Annotated[int, Field(ge=2, le=13)] = 6

    @torch.no_grad()
    def __call__(self, model: nn.Module, context: Context) -> nn.Module:
        for name, parameter in model.named_parameters():
            if name.rpartition(".")[2] == "bias" and parameter.ndim == 1:
                parameter.copy_(rounded(parameter, self.bits))
        return model


def rounded(values: Tensor, bits: int) -> Tensor:
    """The nearest multiples of 2ᵉ, half to even."""
    if not values.any():
        return torch.zeros_like(values)
    largest = values.abs().max()
    unit = torch.exp2(torch.ceil(torch.log2(largest.double() / (2 ** (bits - 1) - 1))))
    return ((values.double() / unit).round() * unit).to(values.dtype) + 0.0
