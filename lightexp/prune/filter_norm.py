from typing import Literal

from torch import Tensor

from lightexp.prune.criterion import Criterion, Statistics, of_units
from lightexp.spec import spec


@spec
class FilterNorm(Criterion):
    """s = (mean |w|ᵖ)^(1/p) over the weights of a filter or neuron, the same for each of them (Li et al. 2017, p = 1).

    The paper sums and compares within a layer, where the mean orders alike; between layers a sum would only tell their fan-in.
    """

    p: Literal[1, 2] = 1

    def __call__(self, weight: Tensor, statistics: Statistics) -> Tensor:
        return of_units(weight.flatten(1).abs().pow(self.p).mean(1).pow(1 / self.p), weight)
