from torch import Tensor

from lightexp.prune.rows import Rows
from lightexp.spec import spec


@spec
class Filters(Rows):
    """Filters of convolutions go whole; linear layers stay as they are, and so does the last layer (Li et al. 2017)."""

    def groups(self, name: str, weight: Tensor, is_last: bool) -> Tensor:
        return super().groups(name, weight, is_last or weight.dim() == 2)
