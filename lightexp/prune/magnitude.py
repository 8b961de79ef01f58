from torch import Tensor

from lightexp.prune.criterion import Criterion, Statistics
from lightexp.spec import spec


@spec
class Magnitude(Criterion):
    """s = |w|: small weights matter least (Han et al. 2015)."""

    def __call__(self, weight: Tensor, statistics: Statistics) -> Tensor:
        return weight.abs()
