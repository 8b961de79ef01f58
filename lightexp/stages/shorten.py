"""Training towards codes that take few bytes."""

from typing import Annotated, ClassVar

import torch
import torch.nn.functional as F
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
    needs_moving: ClassVar[bool] = True

    fit: Fit = Fit()
    strength: Annotated[float, Field(gt=0)] = 1e-6

    def __call__(self, model: nn.Module, context: Context) -> nn.Module:
        rates = [Rate(module, quantizer) for module, quantizer in _stepped(model)]
        if not rates:
            raise ConfigError("no layer has a step that is learned: put a stage quantize with quantizer=lsq ahead of it")

        def after_backward(model: nn.Module, step: int, steps: int) -> None:
            for rate in rates:
                rate.add_gradient(self.strength)

        self.fit.train(model, context, after_backward=after_backward)
        for module, _ in _stepped(model):
            set_mask(module, codes_of(module).codes != 0)
        return model


def _stepped(model: nn.Module) -> list[tuple[nn.Module, LearnedStep]]:
    found = [(module, quantizer_of(module)) for module in layers(model).values()]
    return [(module, quantizer) for module, quantizer in found if isinstance(quantizer, LearnedStep)]


class Rate:
    """What the codes of a layer take in the file, as a part of its gradient. The mask must stay as it is.

    Pruned weights, which may be most, cost nothing that could change, so only the others are looked at.
    """

    def __init__(self, module: nn.Module, quantizer: LearnedStep) -> None:
        self.module, self.quantizer, self.half = module, quantizer, 2 ** (quantizer.bits - 1)
        mask = mask_of(module).flatten(1)
        self.shape = mask.shape
        self.row, self.column = mask.nonzero(as_tuple=True)
        self.at = self.row * self.shape[1] + self.column
        self.leaves_zero = mask.new_zeros(2 * self.half + 1, dtype=torch.float)
        self.leaves_zero[self.half], self.leaves_zero[self.half + 1] = -1, 1
        """Of each interval between two codes (see `_interval`): whether what goes up there leaves 0 behind, or comes to it."""

    @torch.no_grad()
    def add_gradient(self, strength: float) -> None:
        """Add that of strength · B to what the latent weight and the step have of the loss."""
        weight, step = latent(self.module), self.quantizer.step.clamp_min(torch.finfo(self.quantizer.step.dtype).tiny)
        step = step if step.numel() == 1 else step[self.row]
        ratio = weight.flatten()[self.at] / step
        survivor, values = self.bits(ratio.round().clamp_(-self.half, self.half - 1))
        interval = self._interval(ratio)
        rise = F.pad(values.diff(), (1, 1))
        slope = (rise[interval] + self.leaves_zero[interval] * survivor) * (strength / step)
        weight.grad += slope.new_zeros(weight.numel()).index_put_((self.at,), slope).reshape(weight.shape)
        along = slope.new_zeros(self.shape[0]).index_add_(0, self.row, slope * ratio)
        self.quantizer.step.grad -= along.sum_to_size(self.quantizer.step.shape)

    def _interval(self, ratio: Tensor) -> Tensor:
        """0 below the least code, 2·half above the largest, and the others between two codes each."""
        return ratio.floor().clamp_(-self.half - 1, self.half - 1).long() + (self.half + 1)

    def bits(self, codes: Tensor) -> tuple[Tensor, Tensor]:
        """What each place costs in bits to hold a survivor instead of a zero, and what each value costs.

        codes: whole numbers −half … half − 1, of the weights that are not pruned.

        Returns:
            log₂(1 − p) − log₂ p, of the shape of the codes, and −log₂ q of the codes −half … half − 1 in their order, 0 for 0.
        """
        found = (codes != 0).to(codes.dtype)
        height, width = self.shape
        rows, columns = factors(
            torch.bincount(self.row, found, height).to(codes), torch.bincount(self.column, found, width).to(codes)
        )
        chance = (rows[self.row] * columns[self.column]).clamp_(2**-20, 1 - 2**-20)
        counts = torch.bincount((codes + self.half).long(), minlength=2 * self.half).to(codes) + 0.5
        counts[self.half] = 0
        values = (counts.sum() / counts).log2()
        values[self.half] = 0
        return (1 / chance - 1).log2(), values
