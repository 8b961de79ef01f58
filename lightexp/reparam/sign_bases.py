"""A weight as a sum of a few binary ones."""

import torch
from torch import Tensor, nn

from lightexp.ops.bases import sign_patterns
from lightexp.ops.gradients import gather, straight_through
from lightexp.reparam.code import WeightCode
from lightexp.reparam.weight_quantizer import WeightQuantizer


class SignBases(WeightQuantizer):
    """w = Σᵢ αᵢ Bᵢ with Bᵢ of ±1, chosen so that each weight gets the nearest of the 2^m sums; α is trained, v straight through.

    alphas: float32, m.
    """

    def __init__(self, alphas: Tensor) -> None:
        super().__init__()
        self.alphas = nn.Parameter(alphas)

    def _table(self) -> Tensor:
        return (sign_patterns(len(self.alphas)).to(self.alphas) * self.alphas).sum(1)

    def _nearest(self, weight: Tensor, table: Tensor) -> Tensor:
        levels, order = table.sort()
        return order[torch.bucketize(weight, (levels[1:] + levels[:-1]) / 2)]

    def forward(self, weight: Tensor) -> Tensor:
        table = self._table()
        value = gather(table, self._nearest(weight.detach(), table.detach()))
        return value + straight_through(torch.zeros_like(weight), weight)

    def code(self, weight: Tensor) -> WeightCode:
        table = self._table().detach()
        bits = self.bits_with_zero(weight, len(self.alphas))
        return WeightCode(self._nearest(weight, table).int() + 1, table, is_lookup=True, bits=bits)
