import torch
from torch import Tensor, nn

from lightexp.ops.gradients import straight_through
from lightexp.spec import spec
from lightexp.surgery.quantized_input import Bits, InputGrid, QuantizedInput


@spec
class ClippedInput(QuantizedInput):
    """x ↦ (α/n) · round(n · clamp(x, 0, α)/α), n = 2^b − 1, α a parameter if `learned`; its gradient is 1 where x is over α."""

    bits: Bits
    learned: bool

    def make(self, layer: nn.Module) -> nn.Module:
        return _Clipped(2**self.bits - 1, self.learned)


class _Clipped(nn.Module):
    def __init__(self, intervals: int, learned: bool) -> None:
        super().__init__()
        self.intervals = intervals
        self.clip = nn.Parameter(torch.ones(()), requires_grad=learned)

    def _positive(self) -> Tensor:
        """An α that training has brought to 0 or below lets nothing through."""
        return self.clip.clamp_min(torch.finfo(self.clip.dtype).tiny)

    def grid(self) -> InputGrid:
        return InputGrid(self._positive() / self.intervals, 0, self.intervals)

    def forward(self, x: Tensor) -> Tensor:
        clip = self._positive()
        clipped = torch.minimum(x.clamp_min(0), clip)
        step = clip.detach() / self.intervals
        return straight_through(torch.round(clipped.detach() / step) * step, clipped)
