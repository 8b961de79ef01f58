from typing import Literal

import torch
from torch import Tensor

from lightexp.prune.criterion import Criterion, Statistics, of_units
from lightexp.spec import spec


@spec
class FilterNorm(Criterion):
    """s = (Σ |w|ᵖ)^(1/p) over the weights of a filter or neuron, the same for each of them (Li et al. 2017, p = 1)."""

    p: Literal[1, 2] = 1

    def __call__(self, weight: Tensor, statistics: Statistics) -> Tensor:
        return of_units(torch.linalg.vector_norm(weight.flatten(1), self.p, dim=1), weight)
