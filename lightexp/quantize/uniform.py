from typing import Annotated, Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from lightexp.ops.uniform import Grid
from lightexp.quantize.calibration import Calibration
from lightexp.quantize.quantizer import LayerWeight, Probe, Quantizer
from lightexp.quantize.squared_error import SquaredError
from lightexp.reparam import Scaled
from lightexp.spec import spec


@spec
class Uniform(Quantizer):
    """Integers times a step, w ≈ Δ·q with |q| ≤ 2^(b−1) − 1 (Jacob et al. 2018, symmetric).

    bits: b, 2 to 16. scope: one Δ for all weights of the net, for each tensor, or for each output channel.
    calibration: what Δ covers.
    """

    bits: Annotated[int, Field(ge=2, le=16)] = 8
    scope: Literal["net", "tensor", "channel"] = "tensor"
    calibration: Calibration = SquaredError()

    def grid(self, values: Tensor) -> Grid:
        """The grid of each row of R×N values."""
        return self.calibration.symmetric(values, self.bits)

    def fit(self, weights: dict[str, LayerWeight], seed: int, probe: Probe) -> dict[str, nn.Module]:
        if self.scope == "net":
            shared = self.grid(torch.cat([layer.weight.reshape(1, -1) for layer in weights.values()], dim=1))
            grids = dict.fromkeys(weights, shared)
        else:
            rows = (lambda w: w.reshape(1, -1)) if self.scope == "tensor" else (lambda w: w.flatten(1))
            grids = {name: self.grid(rows(layer.weight)) for name, layer in weights.items()}
        return {name: Scaled(bits=self.bits, **_flat(found)) for name, found in grids.items()}


def _flat(found: Grid) -> dict[str, Tensor]:
    return {name: tensor.reshape(-1).clone() for name, tensor in found._asdict().items()}
