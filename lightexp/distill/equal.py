"""Each teacher counts as much as the others."""

from torch import Tensor

from lightexp.distill.panel import Weighting
from lightexp.spec import spec


@spec
class Equal(Weighting):
    """w_k = 1/K for K teachers (the geometric mean of Hinton et al. 2015)."""

    def __call__(self, logits: Tensor, labels: Tensor) -> Tensor:
        return logits.new_full(logits.shape[:2], 1 / len(logits))
