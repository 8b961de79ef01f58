from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor

from lightexp.quantize.calibration import Calibration
from lightexp.spec import spec


@spec
class Percentile(Calibration):
    """Clips what lies beyond a percentile at either end (Migacz 2017), interpolated linearly between values.

    Values of exactly 0, as pruning and ReLU leave them, do not count: they have a level whatever the range.

    percent: 50 to 100; 100 is the whole range.
    """

    percent: Annotated[float, Field(gt=50, le=100)] = 99.9

    def __call__(self, values: Tensor, steps: int) -> tuple[Tensor, Tensor]:
        # Zeros go to the end as infinities. Not torch.quantile: it refuses more than 16 million values.
        ordered = torch.where(values == 0, torch.inf, values).sort(dim=1).values
        last = (values != 0).sum(dim=1, keepdim=True) - 1
        low, high = (_at(ordered, share * last.clamp_min(0).double()) for share in (1 - self.percent / 100, self.percent / 100))
        alive = last >= 0
        return torch.where(alive, low, 0).clamp_max(0), torch.where(alive, high, 0).clamp_min(0)


def _at(ordered: Tensor, place: Tensor) -> Tensor:
    """The value at a fractional index of each row."""
    below = ordered.gather(1, place.floor().long())
    above = ordered.gather(1, place.ceil().long())
    return torch.lerp(below, above, (place - place.floor()).to(ordered.dtype))
