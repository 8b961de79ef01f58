from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor

from lightexp.prune.criterion import Criterion, Statistics
from lightexp.spec import spec


@spec
class WeightEntropy(Criterion):
    """s = −log₂ p(bin of w), bits: the self-information of a weight in the histogram of its layer; common values go first.

    Most weights lie near 0, so it ranks much as magnitude does; where a layer has another mode, that goes instead.

    bins: of equal width between the layer's smallest and largest weight that is not 0.
    """

    bins: Annotated[int, Field(ge=2)] = 256

    def __call__(self, weight: Tensor, statistics: Statistics) -> Tensor:
        return -torch.log2(self.probability(weight))

    def probability(self, weight: Tensor) -> Tensor:
        """The share of the layer's weights that lie in the bin of each; 1 for all if they are all alike."""
        alive = weight[weight != 0]
        if not alive.numel() or alive.min() == alive.max():
            return torch.ones_like(weight)
        low, high = alive.min(), alive.max()
        bin_of = ((weight - low) / (high - low) * self.bins).long().clamp(0, self.bins - 1)
        counts = torch.bincount(bin_of[weight != 0], minlength=self.bins).clamp_min(1)
        return counts[bin_of] / alive.numel()
