from typing import ClassVar

from torch import Tensor

from lightexp.prune.criterion import Criterion, Statistics
from lightexp.spec import spec


@spec
class SynFlow(Criterion):
    """s = |w · ∂R/∂w|, R = 1ᵀ f(1) of the net with all parameters made absolute: a weight's share of the flow, without data.

    (Tanaka et al. 2020.) Made for many small cuts of the untrained net (`PruneStepwise`), which never kill a layer while others
    have weights to lose. Float64, since deep nets leave float32's range.
    """

    needs: ClassVar[frozenset[str]] = frozenset({"flow_gradient"})

    def __call__(self, weight: Tensor, statistics: Statistics) -> Tensor:
        return (weight * statistics.flow_gradient).abs()
