from typing import Annotated

from pydantic import Field
from torch import nn

from lightexp.quantize.quantizer import LayerWeight, Probe, Quantizer
from lightexp.reparam import TanhUniform
from lightexp.spec import spec


@spec
class DoReFa(Quantizer):
    """2^b equally spaced levels over the range of tanh w, trained straight through (Zhou et al. 2016).

    The paper's levels lie in [−1, 1], and a BatchNorm brings them to size; here they are scaled once so that the mean |w| of a
    layer is kept, which a BatchNorm undoes and a net without one needs.

    bits: b, 1 to 8.
    """

    bits: Annotated[int, Field(ge=1, le=8)] = 4

    def fit(self, weights: dict[str, LayerWeight], seed: int, probe: Probe) -> dict[str, nn.Module]:
        return {name: self._scaled(layer) for name, layer in weights.items()}

    def _scaled(self, layer: LayerWeight) -> TanhUniform:
        levels = TanhUniform(layer.weight.new_ones(1), self.bits)
        alive = layer.weight[layer.mask]
        if alive.any():
            levels.scale.mul_(alive.abs().mean() / levels(alive).abs().mean())
        return levels
