"""Uniformly quantized weights: integers times a step."""

from torch import Tensor, nn

from lightexp.ops.gradients import straight_through
from lightexp.ops.uniform import to_integers
from lightexp.reparam.code import WeightCode


class Scaled(nn.Module):
    """w = Δ · clamp(round(v / Δ), −(2^(b−1) − 1), 2^(b−1) − 1), trained straight through (Jacob et al. 2018, symmetric).

    step: float32, one Δ for the whole weight (shape 1) or one a row (shape rows of the weight).
    """

    def __init__(self, step: Tensor, bits: int) -> None:
        super().__init__()
        self.register_buffer("step", step)
        self.bits = bits

    @property
    def largest(self) -> int:
        return 2 ** (self.bits - 1) - 1

    def _integers(self, weight: Tensor) -> tuple[Tensor, Tensor]:
        step = self.step.reshape(-1, *[1] * (weight.dim() - 1))
        return to_integers(weight, step, self.largest), step

    def forward(self, weight: Tensor) -> Tensor:
        integers, step = self._integers(weight)
        return straight_through(integers, weight / step) * step

    def code(self, weight: Tensor) -> WeightCode:
        integers, _ = self._integers(weight.detach())
        return WeightCode(integers.int(), self.step, is_lookup=False, bits=self.bits)
