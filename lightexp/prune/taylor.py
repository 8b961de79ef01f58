from typing import ClassVar

from torch import Tensor

from lightexp.prune.criterion import Criterion, Statistics
from lightexp.spec import spec


@spec
class Taylor(Criterion):
    """s = |w · ∂L/∂w|: the change of the loss, to first order, if the weight were 0 (Molchanov et al. 2017)."""

    needs: ClassVar[frozenset[str]] = frozenset({"mean_gradient"})

    def __call__(self, weight: Tensor, statistics: Statistics) -> Tensor:
        return (weight * statistics.mean_gradient).abs()
