"""Ternary weights."""

import torch
from torch import Tensor

from lightexp.ops.gradients import straight_through
from lightexp.reparam.code import WeightCode
from lightexp.reparam.weight_quantizer import WeightQuantizer


class Ternary(WeightQuantizer):
    """w = α·t with t = sign(v) · 1[|v| > Δ], Δ = 0.7 · mean |v|, α = mean of the |v| above Δ (Li et al. 2016)."""

    def _parts(self, weight: Tensor) -> tuple[Tensor, Tensor]:
        size = weight.detach().abs()
        over = (size > 0.7 * self.mean_size(weight.detach(), tuple(range(weight.dim())))) & self.alive(weight)
        scale = (size * over).sum() / over.sum().clamp_min(1)
        return torch.sign(weight.detach()) * over, scale.reshape(1)

    def forward(self, weight: Tensor) -> Tensor:
        signs, scale = self._parts(weight)
        return straight_through(signs * scale, weight)

    def code(self, weight: Tensor) -> WeightCode:
        signs, scale = self._parts(weight)
        return WeightCode(signs.int(), scale, is_lookup=False, bits=2)
