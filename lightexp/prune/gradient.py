from typing import ClassVar

from torch import Tensor

from lightexp.prune.criterion import Criterion, Statistics
from lightexp.spec import spec


@spec
class Gradient(Criterion):
    """s = (1/B) Σ_b |∂L_b/∂w| over B training batches: weights the loss does not react to matter least."""

    needs: ClassVar[frozenset[str]] = frozenset({"gradient"})

    def __call__(self, weight: Tensor, statistics: Statistics) -> Tensor:
        return statistics.gradient
