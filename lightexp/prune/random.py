import torch
from torch import Tensor

from lightexp.prune.criterion import Criterion, Statistics
from lightexp.spec import spec


@spec
class Random(Criterion):
    """s ~ U(0, 1): the control that every other criterion must beat."""

    def __call__(self, weight: Tensor, statistics: Statistics) -> Tensor:
        return torch.rand(weight.shape, generator=statistics.generator).to(weight)
