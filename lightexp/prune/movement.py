from typing import ClassVar

from torch import Tensor

from lightexp.prune.criterion import Criterion, Statistics
from lightexp.spec import spec


@spec
class Movement(Criterion):
    """s = −Σ_t w · ∂L/∂w: weights that training drives away from 0 stay, whatever their size (Sanh et al. 2020).

    `PruneGradually` sums over the steps of its fit, with the fit's own loss, and pruned weights move on, so they can return;
    the paper holds those still. `Prune` takes the mean gradient of the net as it stands.
    """

    needs: ClassVar[frozenset[str]] = frozenset({"movement"})

    def __call__(self, weight: Tensor, statistics: Statistics) -> Tensor:
        return statistics.movement
