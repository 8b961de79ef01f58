import torch
from torch import Tensor, nn

from lightexp.ops.gradients import straight_through
from lightexp.spec import spec
from lightexp.surgery.quantized_input import Bits, InputGrid, QuantizedInput


@spec
class UniformInput(QuantizedInput):
    """x ↦ Δ · clamp(round(x/Δ), z, z + 2^b − 1) with a fixed step Δ and lowest integer z ≤ 0, so that 0 stays 0."""

    bits: Bits

    def make(self, layer: nn.Module) -> nn.Module:
        return _Rounded(2**self.bits - 1)


class _Rounded(nn.Module):
    def __init__(self, intervals: int) -> None:
        super().__init__()
        self.intervals = intervals
        self.register_buffer("step", torch.ones(()))
        self.register_buffer("lowest", torch.zeros((), dtype=torch.int64))

    def grid(self) -> InputGrid:
        lowest = int(self.lowest)
        return InputGrid(self.step, lowest, lowest + self.intervals)

    def forward(self, x: Tensor) -> Tensor:
        ratio = (x / self.step).clamp(self.lowest, self.lowest + self.intervals)
        return straight_through(torch.round(ratio.detach()), ratio) * self.step
