from typing import ClassVar

from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from lightexp.errors import ConfigError
from lightexp.prune.criterion import Criterion, Statistics, of_units
from lightexp.spec import spec


@spec
class BatchNormScale(Criterion):
    """s = |γ| of the batch normalisation that takes the unit's output, for each of the unit's weights (Liu et al. 2017).

    A layer that none stands behind counts as γ = 1. The paper drives γ to 0 by an L1 penalty while it trains; that is the
    loss's business.
    """

    needs: ClassVar[frozenset[str]] = frozenset({"batch_norm_scale"})

    def check(self, model: nn.Module) -> None:
        if not any(isinstance(module, _BatchNorm) for module in model.modules()):
            raise ConfigError(
                f"the net {type(model).__name__} has no batch normalisation whose scale could score its units: "
                "choose another criterion, as filter_l1"
            )

    def __call__(self, weight: Tensor, statistics: Statistics) -> Tensor:
        return of_units(statistics.batch_norm_scale.abs(), weight)
