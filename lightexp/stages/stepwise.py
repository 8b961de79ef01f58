"""Pruning in many small cuts with no training between them."""

from typing import Annotated

from pydantic import Field
from torch import nn

from lightexp.errors import ConfigError
from lightexp.spec import spec
from lightexp.stages.prune import Pruning
from lightexp.stages.stage import Context


@spec
class PruneStepwise(Pruning):
    """Cut `cuts` times, scoring anew what the last cut left: after cut i the density is (1 − sparsity)^(i / cuts).

    (Tanaka et al. 2020.) A criterion that judges weights by those around them, as SynFlow, kills no layer in this way.
    """

    cuts: Annotated[int, Field(ge=1)] = 100

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.sparsity is None:
            raise ConfigError("stepwise pruning needs a sparsity to go to; an allocation that finds its own fits only `Prune`")

    def __call__(self, model: nn.Module, context: Context) -> nn.Module:
        for done in range(1, self.cuts):
            self.cut(model, context, 1 - (1 - self.sparsity) ** (done / self.cuts))
        self.cut(model, context, self.sparsity)
        return model
