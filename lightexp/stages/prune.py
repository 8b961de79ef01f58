"""Pruning in one shot, and the cut that the other ways of pruning share."""

from typing import Annotated, ClassVar

import torch
from pydantic import Field
from torch import Tensor, nn

from lightexp.errors import ConfigError
from lightexp.prune import Allocation, Criterion, Global, Magnitude
from lightexp.reparam import latent, layers, mask_of, reads_weight, set_mask
from lightexp.spec import spec
from lightexp.stages.stage import Context, Stage
from lightexp.statistics.gather import MEASURES, gather

Share = Annotated[float, Field(ge=0, lt=1)]
"""A sparsity: zeros / weights, in [0, 1)."""


@spec
class Pruning(Stage):
    """What every way of pruning is told.

    sparsity: share of zeros over all prunable weights (linear layers and convolutions, biases apart), in [0, 1); None where
    the allocation finds its own. batches: training batches of 128 for criteria that measure on data.
    """

    prunes: ClassVar[bool] = True

    sparsity: Share | None = 0.9
    criterion: Criterion = Magnitude()
    allocation: Allocation = Global()
    batches: Annotated[int, Field(ge=1)] = 20

    def __post_init__(self) -> None:
        name = type(self.allocation).__name__
        if self.allocation.takes_sparsity and self.sparsity is None:
            raise ConfigError(f"the allocation {name} needs a sparsity between 0 and 1")
        if not self.allocation.takes_sparsity and self.sparsity is not None:
            raise ConfigError(f"the allocation {name} finds its own sparsity: set sparsity=null")

    def check(self, model: nn.Module) -> None:
        if unknown := self.criterion.needs - MEASURES.keys():
            raise ConfigError(f"{type(self.criterion).__name__} needs {min(unknown)!r}; there are: {', '.join(MEASURES)}")
        self.criterion.check(model)
        self.allocation.check({name: module.weight for name, module in layers(model).items()}, self.sparsity)

    def cut(self, model: nn.Module, context: Context, sparsity: float | None, reviving: bool = False) -> None:
        """Score all weights and mask those that must go. What is masked stays so, unless `reviving`."""
        self.allocation.check({name: module.weight for name, module in layers(model).items()}, self.sparsity)
        statistics = gather(model, context.data, self.criterion.needs, self.batches, context.seed)
        found, alive = layers(model), {}
        scores: dict[str, Tensor] = {}
        for name, module in found.items():
            free = reviving and reads_weight(module)
            weight = (latent(module) if free else module.weight).detach()
            alive[name] = torch.ones_like(mask_of(module)) if free else mask_of(module)
            found_scores = self.criterion(weight, statistics[name])
            if found_scores.shape != weight.shape:
                raise ConfigError(
                    f"{type(self.criterion).__name__} gives scores of shape {list(found_scores.shape)} for the weights of layer "
                    f"{name}, which have {list(weight.shape)}: it must give one for each"
                )
            scores[name] = found_scores.masked_fill(~alive[name], -torch.inf)
            if scores[name].isnan().any():
                raise ConfigError(
                    f"{type(self.criterion).__name__} gives scores that are no numbers in layer {name}: choose another"
                )
        for name, mask in self.allocation(scores, sparsity).items():
            set_mask(found[name], mask & alive[name])


@spec
class Prune(Pruning):
    """Cut once to the sparsity asked for; combine it with a `Fit` behind it."""

    def __call__(self, model: nn.Module, context: Context) -> nn.Module:
        self.cut(model, context, self.sparsity)
        return model
