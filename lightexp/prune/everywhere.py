from torch import Tensor

from lightexp.prune.allocation import Allocation, keep_largest_overall
from lightexp.spec import spec


@spec
class Global(Allocation):
    """The largest scores of the whole net stay, whatever their layer; at extreme sparsity a small last layer can die."""

    def __call__(self, scores: dict[str, Tensor], sparsity: float | None) -> dict[str, Tensor]:
        return keep_largest_overall(scores, sparsity)
