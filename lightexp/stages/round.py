"""Few bits for what no quantizer codes."""

from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor, nn

from lightexp.reparam import Codebook, LearnedStep, latent, layers, quantizer_of
from lightexp.spec import spec
from lightexp.stages.stage import Context, Stage

Bits = Annotated[int, Field(ge=2, le=13)]


@spec
class Round(Stage):
    """Round each bias vector, codebook and learned step to whole multiples of a power of two, which the file keeps as small integers.

    v ≈ 2ᵉ·q, |q| ≤ 2^(bits−1) − 1, with the least e that reaches max |v|. A fit behind it would move them off again: put it
    last.

    bits, table_bits: of the q of biases, and of codebooks and steps, their sign among them.
    """

    bits: Bits = 6
    table_bits: Bits = 9

    @torch.no_grad()
    def __call__(self, model: nn.Module, context: Context) -> nn.Module:
        for name, parameter in model.named_parameters():
            if name.rpartition(".")[2] == "bias" and parameter.ndim == 1:
                parameter.copy_(rounded(parameter, self.bits))
        for module in layers(model).values():
            quantizer = quantizer_of(module)
            if isinstance(quantizer, Codebook):  # one that layers share is the same when it is rounded again
                quantizer.table.copy_(rounded(quantizer.table, self.table_bits))
            elif isinstance(quantizer, LearnedStep):
                # Weights that a fit has left halfway between two codes would go to another one with the new step.
                codes = quantizer.code(latent(module)).codes
                quantizer.step.copy_(rounded(quantizer.step, self.table_bits))
                latent(module).copy_(codes * quantizer.step.reshape(-1, *[1] * (codes.dim() - 1)))
        return model


def rounded(values: Tensor, bits: int) -> Tensor:
    """The nearest multiples of 2ᵉ, half to even."""
    if not values.any():
        return torch.zeros_like(values)
    largest = values.abs().max()
    unit = torch.exp2(torch.ceil(torch.log2(largest.double() / (2 ** (bits - 1) - 1))))
    return ((values.double() / unit).round() * unit).to(values.dtype) + 0.0
