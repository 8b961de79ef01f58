"""The integers of a quantized weight, exactly as the quantizer made them."""

from dataclasses import dataclass, replace

import torch
from torch import Tensor


@dataclass(frozen=True)
class WeightCode:
    """A weight as integers and the numbers that give them meaning; code 0 is always the weight 0.

    codes: int32, of the weight's shape.
    table: float32. With `is_lookup`, the value of code k is table[k − 1]; otherwise table holds steps, one for all or one a
        row of the weight (its first dimension), and the value is code × step.
    bits: nominal bits a weight.
    """

    codes: Tensor
    table: Tensor
    is_lookup: bool
    bits: float

    def masked(self, mask: Tensor) -> "WeightCode":
        return replace(self, codes=torch.where(mask, self.codes, 0))

    def decode(self) -> Tensor:
        """The weight, float32: the very bits that a reader of the file computes."""
        if self.is_lookup:
            return torch.cat([self.table.new_zeros(1), self.table])[self.codes.long()]
        return self.codes.float() * self.table.reshape(-1, *[1] * (self.codes.dim() - 1))
