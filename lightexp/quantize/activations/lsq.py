import math
from typing import Annotated, ClassVar

from pydantic import Field
from torch import Tensor

from lightexp.quantize.activations.activation import ActivationQuantizer
from lightexp.spec import spec
from lightexp.surgery import LearnedStepInput


@spec
class LSQActivation(ActivationQuantizer):
    """Integers times a step that is trained, begun at Δ = 2·mean|x| / √(largest integer) (Esser et al. 2020).

    The integers are 0 … 2^b − 1 where no sample is negative, and −2^(b−1) … 2^(b−1) − 1 elsewhere.

    bits: b, 2 to 8.
    """

    two_sided: ClassVar[bool] = True

    bits: Annotated[int, Field(ge=2, le=8)] = 4

    def fit(self, layer: str, samples: Tensor) -> tuple[LearnedStepInput, dict[str, Tensor]]:
        signed = bool((samples < 0).any())
        highest = 2 ** (self.bits - signed) - 1
        step = 2 * samples.abs().mean() / math.sqrt(highest)
        return LearnedStepInput(layer, self.bits, signed), {"step": step.reshape(1) if step > 0 else step.new_ones(1)}
