"""Shared weights: a codebook and an index for each weight."""

import torch
from torch import Tensor, nn

from lightexp.ops.gradients import gather
from lightexp.reparam.code import WeightCode
from lightexp.reparam.weight_quantizer import WeightQuantizer


class Codebook(WeightQuantizer):
    """w = table[code − 1], or 0 where the code is 0; training moves the table alone (Han et al. 2016).

    codes: integers of the weight's shape, 0 … K. table: K floats; a parameter that is given is kept, so that layers can share it.
    """

    reads_weight = False

    def __init__(self, codes: Tensor, table: Tensor) -> None:
        super().__init__()
        self.register_buffer("codes", codes)
        self.table = table if isinstance(table, nn.Parameter) else nn.Parameter(table)

    def forward(self, weight: Tensor) -> Tensor:
        return gather(torch.cat([self.table.new_zeros(1), self.table]), self.codes)

    def code(self, weight: Tensor) -> WeightCode:
        # The zero of pruned weights is a level of its own.
        has_zero = bool((self.codes == 0).any()) or not bool(self.alive(weight).all())
        bits = max(1, (len(self.table) + has_zero - 1).bit_length())
        return WeightCode(self.codes.int(), self.table.detach(), is_lookup=True, bits=bits)
