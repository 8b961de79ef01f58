from typing import ClassVar

from torch import Tensor

from lightexp.prune.criterion import Criterion, Statistics
from lightexp.spec import spec


@spec
class GraSP(Criterion):
    """s = w · (H g): what the gradient's norm loses, to first order, with the weight (Wang et al. 2020); it may be negative.

    The paper removes the largest −w · H g of the untrained net, whose answers it divides by a temperature of 200; here they
    stay as they are, so L is the loss that is trained.
    """

    needs: ClassVar[frozenset[str]] = frozenset({"hessian_gradient"})

    def __call__(self, weight: Tensor, statistics: Statistics) -> Tensor:
        return weight * statistics.hessian_gradient
