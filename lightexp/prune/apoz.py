from typing import ClassVar

from torch import Tensor

from lightexp.prune.criterion import Criterion, Statistics, of_units
from lightexp.spec import spec


@spec
class APoZ(Criterion):
    """s = 1 − APoZ, the share of a unit's outputs behind ReLU that are not 0; all its weights score alike.

    (Average percentage of zeros, Hu et al. 2016.) The last layer is judged as if a ReLU followed it.
    """

    needs: ClassVar[frozenset[str]] = frozenset({"zero_share"})

    def __call__(self, weight: Tensor, statistics: Statistics) -> Tensor:
        return of_units(1 - statistics.zero_share, weight)
