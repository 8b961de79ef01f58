import torch
from torch import Tensor

from lightexp.quantize.calibration import Calibration
from lightexp.spec import spec


@spec
class MinMax(Calibration):
    """The whole range of the values and 0: nothing is clipped, and one far value makes all steps wide (Jacob et al. 2018)."""

    def __call__(self, values: Tensor, steps: int) -> tuple[Tensor, Tensor]:
        low, high = torch.aminmax(values, dim=1, keepdim=True)
        return low.clamp_max(0), high.clamp_min(0)
