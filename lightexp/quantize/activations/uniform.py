from typing import Annotated, ClassVar

from pydantic import Field
from torch import Tensor

from lightexp.quantize.activations.activation import ActivationQuantizer
from lightexp.quantize.calibration import Calibration
from lightexp.quantize.percentile import Percentile
from lightexp.spec import spec
from lightexp.surgery import UniformInput


@spec
class UniformActivation(ActivationQuantizer):
    """x ≈ Δ·q with 2^b integers q in a row, 0 among them, over the range that `calibration` finds (Jacob et al. 2018, affine).

    bits: b, 2 to 16.
    """

    two_sided: ClassVar[bool] = True

    bits: Annotated[int, Field(ge=2, le=16)] = 8
    calibration: Calibration = Percentile()

    def fit(self, layer: str, samples: Tensor) -> tuple[UniformInput, dict[str, Tensor]]:
        found = self.calibration.affine(samples[None], self.bits)
        return UniformInput(layer, self.bits), {"step": found.step.reshape(()), "lowest": found.lowest.reshape(()).long()}
