from typing import Annotated

from pydantic import Field
from torch import nn

from lightexp.ops.bases import decompose
from lightexp.quantize.quantizer import LayerWeight, Probe, Quantizer
from lightexp.reparam import SignBases
from lightexp.spec import spec


@spec
class BinaryBases(Quantizer):
    """w ≈ Σᵢ αᵢ Bᵢ with m bases Bᵢ of ±1, so that a product is m binary ones (Guo et al. 2017; Lin et al. 2017).

    α begins at the least squared error that `lightexp.ops.bases.decompose` finds and is trained.

    bases: m, 1 to 6, for each layer.
    """

    bases: Annotated[int, Field(ge=1, le=6)] = 2

    def fit(self, weights: dict[str, LayerWeight], seed: int, probe: Probe) -> dict[str, nn.Module]:
        return {name: SignBases(decompose(layer.weight[layer.mask], self.bases).float()) for name, layer in weights.items()}
