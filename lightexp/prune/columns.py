from torch import Tensor

from lightexp.prune.structured import Structured, indices
from lightexp.spec import spec


@spec
class Columns(Structured):
    """All that one input or channel feeds goes whole: all weights of one index of dimension 1.

    In a grouped convolution that is the same channel of each group.
    """

    def groups(self, name: str, weight: Tensor, is_last: bool) -> Tensor:
        return indices(weight).transpose(0, 1).reshape(weight.shape[1], -1)
