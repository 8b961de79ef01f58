"""Uniform levels over the range of tanh."""

import torch
from torch import Tensor

from lightexp.ops.gradients import straight_through
from lightexp.reparam.code import WeightCode
from lightexp.reparam.weight_quantizer import WeightQuantizer


class TanhUniform(WeightQuantizer):
    """w = s · (2·round(n·(tanh v / max|tanh v| + 1)/2)/n − 1) with n = 2^b − 1 (Zhou et al. 2016, DoReFa, its f_ω).

    The levels are the odd integers −n, −n + 2 … n times s/n: 0 is none of them.

    scale: s, float32, shape 1. bits: b.
    """

    def __init__(self, scale: Tensor, bits: int) -> None:
        super().__init__()
        self.register_buffer("scale", scale)
        self.bits = bits

    @property
    def _intervals(self) -> int:
        return 2**self.bits - 1

    def _odd(self, weight: Tensor) -> Tensor:
        squashed = torch.tanh(weight)
        largest = (squashed.detach().abs() * self.alive(weight)).amax().clamp_min(torch.finfo(weight.dtype).tiny)
        place = self._intervals * ((squashed / largest).clamp(-1, 1) + 1) / 2
        return 2 * straight_through(torch.round(place.detach()), place) - self._intervals

    def forward(self, weight: Tensor) -> Tensor:
        return self._odd(weight) * (self.scale / self._intervals)

    def code(self, weight: Tensor) -> WeightCode:
        bits = self.bits_with_zero(weight, self.bits)
        return WeightCode(self._odd(weight).int(), self.scale / self._intervals, is_lookup=False, bits=bits)
