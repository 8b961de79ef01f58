from typing import Annotated

from pydantic import Field
from torch import Tensor

from lightexp.quantize.activations.activation import ActivationQuantizer
from lightexp.spec import spec
from lightexp.surgery import ClippedInput


@spec
class PACT(ActivationQuantizer):
    """x clipped to [0, α] and rounded to 2^b levels, with α trained (Choi et al. 2018); it takes the place of a ReLU.

    α begins at the largest sample, so nothing is clipped at first; the optimizer's weight decay draws it down, as in the paper.
    The paper combines it with `DoReFa` weights. Negative inputs become 0.

    bits: b, 2 to 8.
    """

    bits: Annotated[int, Field(ge=2, le=8)] = 4

    def fit(self, layer: str, samples: Tensor) -> tuple[ClippedInput, dict[str, Tensor]]:
        largest = samples.max()
        return ClippedInput(layer, self.bits, learned=True), {"clip": largest if largest > 0 else largest.new_ones(())}
