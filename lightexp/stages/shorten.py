"""Training towards codes that take few bytes."""

from typing import Annotated, ClassVar

import torch
from pydantic import Field
from torch import Tensor, nn

from lightexp.errors import ConfigError
from lightexp.prune.code_length import factors
from lightexp.reparam import LearnedStep, codes_of, latent, layers, mask_of, quantizer_of, set_mask
from lightexp.spec import spec
from lightexp.stages.around_fit import AroundFit
from lightexp.stages.fit import Fit
from lightexp.stages.stage import Context


@spec
class Shorten(AroundFit):
    """Train quantized weights on L + λ·B, where B is about how many bits their codes take in the file.

    (Entropy-constrained training; as penalties of the rate in Oktay et al. 2020 and Wiedemann et al. 2020.) A code k ≠ 0 of
    row i and column j takes −log₂ p_ij − log₂ q_k bits and a zero −log₂(1 − p_ij): p_ij is how likely a survivor is there
    (see `CodeLength`), q_k how often survivors of the layer have that code, both as they are at each step. Between two codes the bits
    are taken as linear, so that a weight w = r·Δ feels ∂B/∂w = (bits(⌊r⌋ + 1) − bits(⌊r⌋)) / Δ, and the step Δ feels
    −Σ r·∂B/∂w. So weights whose loss does not object go to cheaper codes, most of them to 0. What is 0 at
    the end stays so: a `Fit` behind it moves the others alone, without the penalty.

    The weights must have been given steps that are learned (`Quantize` with `LSQ`); others in the net are left alone.

    fit: the training. strength: λ, what a bit counts in the loss.
    """

    prunes: ClassVar[bool] = True
    needs_codes: ClassVar[bool] = True

    fit: Fit = Fit()
    strength: Annotated[float, Field(gt=0)] = 1e-6

    def __call__(self, model: nn.Module, context: Context) -> nn.Module:
        if not _stepped(model):
            raise ConfigError("no layer has a step that is learned: put a stage quantize with quantizer=lsq ahead of it")

        def after_backward(model: nn.Module, step: int, steps: int) -> None:
            for module, quantizer in _stepped(model):
                add_gradient(module, quantizer, self.strength)

        self.fit.train(model, context, after_backward=after_backward)
        for module, _ in _stepped(model):
            set_mask(module, codes_of(module).codes != 0)
        return model


def _stepped(model: nn.Module) -> list[tuple[nn.Module, LearnedStep]]:
    found = [(module, quantizer_of(module)) for module in layers(model).values()]
    return [(module, quantizer) for module, quantizer in found if isinstance(quantizer, LearnedStep)]


@torch.no_grad()
def add_gradient(module: nn.Module, quantizer: LearnedStep, strength: float) -> None:
    """Add that of strength · B to what the latent weight and the step have of the loss."""
    weight, half = latent(module), 2 ** (quantizer.bits - 1)
    # Pruned weights are most of a net, and cost nothing that could change.
    at = mask_of(module).flatten().nonzero().squeeze(1)
    shape = len(weight), weight[0].numel()
    row, column = at // shape[1], at % shape[1]
    step = quantizer.step.clamp_min(torch.finfo(weight.dtype).tiny).expand(len(weight))[row]
    ratio = weight.flatten()[at] / step
    survivor, values = code_bits(ratio.round().clamp(-half, half - 1).long(), row, column, shape, half)
    below = ratio.clamp(-half, half - 2).floor().long()
    slope = values[below + 1 + half] - values[below + half]
    slope += torch.where(below == -1, -survivor, 0) + torch.where(below == 0, survivor, 0)
    slope = torch.where((ratio > -half) & (ratio < half - 1), slope, 0) * strength / step
    weight.grad += slope.new_zeros(weight.numel()).index_put_((at,), slope).reshape(weight.shape)
    along = torch.zeros(len(weight)).to(slope).index_add_(0, row, slope * ratio)
    quantizer.step.grad -= along.sum_to_size(quantizer.step.shape)


def code_bits(codes: Tensor, row: Tensor, column: Tensor, shape: tuple[int, int], half: int) -> tuple[Tensor, Tensor]:
    """What each place costs in bits to hold a survivor instead of a zero, and what each value costs.

    codes: −half … half − 1, of the weights at these rows and columns; all others are 0.

    Returns:
        log₂(1 − p) − log₂ p, of the shape of the codes, and −log₂ q of the codes −half … half − 1 in their order, 0 for 0.
    """
    found = codes != 0
    rows, columns = factors(
        *(torch.bincount(of[found], minlength=n).float() for of, n in zip((row, column), shape, strict=True))
    )
    chance = (rows[row] * columns[column]).clamp(2**-20, 1 - 2**-20)
    counts = torch.bincount(codes + half, minlength=2 * half).float() + 0.5
    counts[half] = 0
    values = (counts.sum() / counts).log2()
    values[half] = 0
    return (1 - chance).log2() - chance.log2(), values
