import torch
from torch import Tensor

from lightexp.ops.uniform import grid
from lightexp.quantize.calibration import Calibration
from lightexp.quantize.min_max import MinMax
from lightexp.spec import spec

_BINS = 2048
_SHARES = [count / 128 for count in range(1, 129)]


@spec
class KL(Calibration):
    """The range that keeps most of the distribution: least KL(P ‖ Q) between histograms of 2048 bins (Migacz 2017).

    P is the histogram of the values, what lies outside the range moved to its end bins. Q spreads what each level stands for
    inside the range evenly over its bins that hold something. Ranges are 1/128 … 128/128 of the whole one. Values of exactly
    0 do not count: they have a level whatever the range.
    """

    def __call__(self, values: Tensor, steps: int) -> tuple[Tensor, Tensor]:
        low, high = MinMax()(values, steps)
        centres, counts = _histogram(values, low, high)
        best, least = torch.ones_like(low), torch.full_like(low, torch.inf)
        for share in reversed(_SHARES):
            found = _divergence(centres, counts, low * share, high * share, steps)
            best, least = torch.where(found < least, share, best), torch.minimum(found, least)
        return low * best, high * best


def _histogram(values: Tensor, low: Tensor, high: Tensor) -> tuple[Tensor, Tensor]:
    """Centres of the bins between `low` and `high` and how many values are in each, both R×bins."""
    rows, width = len(values), torch.where(high > low, (high - low) / _BINS, 1)
    bins = ((values - low) / width).long().clamp(0, _BINS - 1) + _BINS * torch.arange(rows, device=values.device)[:, None]
    counts = torch.bincount(bins[values != 0], minlength=rows * _BINS).reshape(rows, _BINS)
    return low + (torch.arange(_BINS, device=values.device) + 0.5) * width, counts.to(values.dtype)


def _divergence(centres: Tensor, counts: Tensor, low: Tensor, high: Tensor, steps: int) -> Tensor:
    """KL(P ‖ Q) per row for one range, in nats; infinite where Q is 0 and P is not."""
    inside = (centres >= low) & (centres <= high)
    covered = torch.where(inside, counts, 0)
    first = inside.to(torch.uint8).argmax(dim=1, keepdim=True)
    last = (first + inside.sum(dim=1, keepdim=True) - 1).clamp_min(0)
    below = torch.where(centres < low, counts, 0).sum(dim=1, keepdim=True)
    above = torch.where(centres > high, counts, 0).sum(dim=1, keepdim=True)
    clipped = covered.scatter_add(1, first, below).scatter_add(1, last, above)
    held = (clipped > 0).to(counts.dtype)
    levels = grid(low, high, steps)
    level = (levels.integers(centres) - levels.lowest).long()
    mass, bins = (counts.new_zeros(len(counts), steps + 1).scatter_add(1, level, part) for part in (covered, held))
    spread = held * (mass / bins.clamp_min(1)).gather(1, level)
    p = clipped / clipped.sum(dim=1, keepdim=True).clamp_min(1)
    q = spread / spread.sum(dim=1, keepdim=True).clamp_min(1)
    return torch.where(p > 0, p * (p / q).log(), 0).sum(dim=1, keepdim=True)
