import math
from typing import Annotated, ClassVar

import torch
from pydantic import Field
from torch import Tensor

from lightexp.prune.criterion import Criterion, Statistics, of_units
from lightexp.spec import spec


@spec
class ActivationEntropy(Criterion):
    """s = −Σ_k p_k log₂ p_k, bits, of a unit's output over the samples: one that answers alike to all goes first.

    (Luo & Wu 2017.) The output is taken after ReLU and averaged over space; all weights of the unit score alike.

    bins: of equal width between the smallest and the largest output of the unit.
    """

    needs: ClassVar[frozenset[str]] = frozenset({"unit_outputs"})

    bins: Annotated[int, Field(ge=2)] = 32

    def __call__(self, weight: Tensor, statistics: Statistics) -> Tensor:
        outputs = statistics.unit_outputs
        low, high = outputs.min(0).values, outputs.max(0).values
        width = torch.where(high > low, high - low, 1)
        bin_of = ((outputs - low) / width * self.bins).long().clamp_max(self.bins - 1).T
        counts = outputs.new_zeros(len(bin_of), self.bins).scatter_add_(1, bin_of, torch.ones_like(outputs.T))
        entropy = torch.special.entr(counts / len(outputs)).sum(1) / math.log(2)
        return of_units(entropy, weight)
