import math
from typing import Annotated, Literal

import torch
from pydantic import Field
from torch import nn

from lightexp.quantize.quantizer import LayerWeight, Probe, Quantizer
from lightexp.reparam import LearnedStep
from lightexp.spec import spec


@spec
class LSQ(Quantizer):
    """Integers times a step that is trained with the weights, begun at Δ = 2·mean|w| / √(2^(b−1) − 1) (Esser et al. 2020).

    A `Fit` behind it does the learning. bits: b, 2 to 8. scope: one Δ for each tensor, or for each output channel.
    """

    bits: Annotated[int, Field(ge=2, le=8)] = 4
    scope: Literal["tensor", "channel"] = "tensor"

    def fit(self, weights: dict[str, LayerWeight], seed: int, probe: Probe) -> dict[str, nn.Module]:
        return {name: LearnedStep(self._first_step(layer), self.bits) for name, layer in weights.items()}

    def _first_step(self, layer: LayerWeight) -> torch.Tensor:
        rows = 1 if self.scope == "tensor" else len(layer.weight)
        alive = layer.mask.reshape(rows, -1)
        size = (layer.weight.reshape(rows, -1).abs() * alive).sum(1) / alive.sum(1).clamp_min(1)
        step = 2 * size / math.sqrt(2 ** (self.bits - 1) - 1)
        return torch.where(step > 0, step, step.max() if step.any() else 1)  # a row without weights takes part in rounding steps
