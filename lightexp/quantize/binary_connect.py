from torch import nn

from lightexp.quantize.quantizer import LayerWeight, Probe, Quantizer
from lightexp.reparam import Sign
from lightexp.spec import spec


@spec
class BinaryConnect(Quantizer):
    """w = ±H by the sign of a latent weight that is trained straight through and clipped to [−H, H] (Courbariaux et al. 2015).

    H is the layer's mean |w| when it is quantized, not 1, so that a net without BatchNorm keeps its scale; behind a BatchNorm
    it plays no part. With `activation=sign` this is the BNN of Courbariaux et al. 2016.
    """

    def fit(self, weights: dict[str, LayerWeight], seed: int, probe: Probe) -> dict[str, nn.Module]:
        return {name: self._module()(_scale(layer)) for name, layer in weights.items()}

    @staticmethod
    def _module() -> type[Sign]:
        return Sign


def _scale(layer: LayerWeight):
    alive = layer.weight[layer.mask]
    return alive.abs().mean().reshape(1) if alive.any() else layer.weight.new_ones(1)
