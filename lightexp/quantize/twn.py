from torch import nn

from lightexp.quantize.quantizer import LayerWeight, Probe, Quantizer
from lightexp.reparam import Ternary
from lightexp.spec import spec


@spec
class TWN(Quantizer):
    """w ∈ {−α, 0, α}: 0 where |v| ≤ 0.7 · mean |v|, α the mean of the |v| above, both of the layer (Li et al. 2016)."""

    def fit(self, weights: dict[str, LayerWeight], seed: int, probe: Probe) -> dict[str, nn.Module]:
        return {name: Ternary() for name in weights}
