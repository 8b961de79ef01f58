import torch
from torch import Tensor, nn

from lightexp.ops.learned_step import round_to_learned_step
from lightexp.spec import spec
from lightexp.surgery.quantized_input import Bits, InputGrid, QuantizedInput


@spec
class LearnedStepInput(QuantizedInput):
    """x ↦ Δ · round(clamp(x/Δ, …)) with Δ a parameter: integers 0 … 2^b − 1, or −2^(b−1) … 2^(b−1) − 1 if `signed`."""

    bits: Bits
    signed: bool

    def make(self, layer: nn.Module) -> nn.Module:
        lowest = -(2 ** (self.bits - 1)) if self.signed else 0
        return _Rounded(lowest, lowest + 2**self.bits - 1)


class _Rounded(nn.Module):
    def __init__(self, lowest: int, highest: int) -> None:
        super().__init__()
        self.lowest, self.highest = lowest, highest
        self.step = nn.Parameter(torch.ones(1))

    def grid(self) -> InputGrid:
        return InputGrid(self.step.clamp_min(torch.finfo(self.step.dtype).tiny), self.lowest, self.highest)

    def forward(self, x: Tensor) -> Tensor:
        return round_to_learned_step(x, self.step, self.lowest, self.highest, x[0].numel())
