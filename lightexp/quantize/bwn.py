from torch import nn

from lightexp.quantize.quantizer import LayerWeight, Probe, Quantizer
from lightexp.reparam import FilterSign
from lightexp.spec import spec


@spec
class BWN(Quantizer):
    """w = α · sign(v) with α the mean |v| of an output's weights, the least-squares scale (Rastegari et al. 2016).

    With `activation=scaled_sign` this is their XNOR-Net.
    """

    def fit(self, weights: dict[str, LayerWeight], seed: int, probe: Probe) -> dict[str, nn.Module]:
        return {name: FilterSign() for name in weights}
