from typing import Annotated

from pydantic import Field
from torch import Tensor

from lightexp.quantize.activations.activation import ActivationQuantizer
from lightexp.spec import spec
from lightexp.surgery import ClippedInput


@spec
class DoReFaActivation(ActivationQuantizer):
    """x clipped to [0, 1] and rounded to 2^b levels (Zhou et al. 2016); made for nets whose BatchNorm keeps inputs that small.

    bits: b, 2 to 8. Negative inputs become 0.
    """

    bits: Annotated[int, Field(ge=2, le=8)] = 4

    def fit(self, layer: str, samples: Tensor) -> tuple[ClippedInput, dict[str, Tensor]]:
        return ClippedInput(layer, self.bits, learned=False), {"clip": samples.new_ones(())}
