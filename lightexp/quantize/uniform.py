from typing import Annotated, Literal

import torch
from pydantic import Field
from torch import nn

from lightexp.ops.uniform import best_step
from lightexp.quantize.quantizer import LayerWeight, Quantizer
from lightexp.reparam import Scaled
from lightexp.spec import spec


@spec
class Uniform(Quantizer):
    """Integers times a step, w ≈ Δ·q with |q| ≤ 2^(b−1) − 1, and the Δ of least squared error (Jacob et al. 2018, symmetric).

    bits: b, 2 to 16. scope: one Δ for all weights of the net, for each tensor, or for each output channel.
    """

    bits: Annotated[int, Field(ge=2, le=16)] = 8
    scope: Literal["global", "tensor", "channel"] = "tensor"

    def fit(self, weights: dict[str, LayerWeight], seed: int) -> dict[str, nn.Module]:
        largest = 2 ** (self.bits - 1) - 1
        if self.scope == "global":
            step = best_step(torch.cat([layer.weight.reshape(1, -1) for layer in weights.values()], dim=1), largest)
            steps = dict.fromkeys(weights, step)
        else:
            rows = (lambda w: w.reshape(1, -1)) if self.scope == "tensor" else (lambda w: w.flatten(1))
            steps = {name: best_step(rows(layer.weight), largest) for name, layer in weights.items()}
        return {name: Scaled(step.reshape(-1).clone(), self.bits) for name, step in steps.items()}
