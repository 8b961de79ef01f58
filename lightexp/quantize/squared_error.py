import torch
from torch import Tensor

from lightexp.ops.uniform import grid
from lightexp.quantize.calibration import Calibration
from lightexp.quantize.min_max import MinMax
from lightexp.spec import spec

_SHARES = torch.linspace(0.01, 1, 100).tolist()


@spec
class SquaredError(Calibration):
    """The range of least squared error Σ (v − Δ·q(v))²: a value far from the rest is clipped where that costs less than it saves.

    It is sought among 1 % … 100 % of the whole range; where there are values on both sides, first at either end alone.
    """

    def __call__(self, values: Tensor, steps: int) -> tuple[Tensor, Tensor]:
        low, high = MinMax()(values, steps)
        peak = torch.maximum(-low, high)
        peak = torch.where(peak > 0, peak, 1)
        # Relative to the peak: the squares of weights below 1e-23 are 0 in float32.
        values, low, high = values / peak, low / peak, high / peak
        least = torch.full_like(peak, torch.inf)
        for moves_low, moves_high in ((0, 1), (1, 0), (1, 1)) if low.any() and high.any() else ((1, 1),):
            first_low, first_high = low, high
            for share in _SHARES:
                lower, upper = first_low * share**moves_low, first_high * share**moves_high
                error = (values - grid(lower, upper, steps).nearest(values)).square().sum(dim=1, keepdim=True)
                better = error < least
                low, high = torch.where(better, lower, low), torch.where(better, upper, high)
                least = torch.where(better, error, least)
        return low * peak, high * peak
