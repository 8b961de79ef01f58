from torch import Tensor

from lightexp.ops.select import keep_largest
from lightexp.prune.allocation import Allocation
from lightexp.spec import spec


@spec
class Uniform(Allocation):
    """Every layer loses the same share: it keeps its largest n − round(sparsity·n) scores."""

    def __call__(self, scores: dict[str, Tensor], sparsity: float | None) -> dict[str, Tensor]:
        return {name: keep_largest(s, s.numel() - round(sparsity * s.numel())) for name, s in scores.items()}
