from typing import ClassVar

from torch import Tensor

from lightexp.prune.criterion import Criterion, Statistics
from lightexp.spec import spec


@spec
class Fisher(Criterion):
    """s = ½ · h · w² with h = E_b[(∂L_b/∂w)²], the Fisher information in place of the curvature (LeCun et al. 1990, OBD).

    The square is of the mean gradient of each training batch, not of each sample.
    """

    needs: ClassVar[frozenset[str]] = frozenset({"squared_gradient"})

    def __call__(self, weight: Tensor, statistics: Statistics) -> Tensor:
        return statistics.squared_gradient * weight.square() / 2
