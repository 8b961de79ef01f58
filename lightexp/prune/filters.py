from torch import Tensor

from lightexp.errors import ConfigError
from lightexp.prune.rows import Rows
from lightexp.spec import spec


@spec
class Filters(Rows):
    """Filters of convolutions go whole; linear layers stay as they are, and so does the last layer (Li et al. 2017).

    See `Rows` for what is left behind.
    """

    def check(self, weights: dict[str, Tensor], sparsity: float | None) -> None:
        if all(weight.dim() == 2 for weight in weights.values()):
            raise ConfigError("the net has no convolution whose filters could go: choose allocation=rows for its neurons")
        super().check(weights, sparsity)

    def groups(self, name: str, weight: Tensor, is_last: bool) -> Tensor:
        return super().groups(name, weight, is_last or weight.dim() == 2)
