"""Pruning and splicing while training."""

from collections.abc import Callable
from typing import Annotated, ClassVar

import torch
from pydantic import Field
from torch import nn

from lightexp.reparam import latent, layers, mask_of, set_mask
from lightexp.spec import spec
from lightexp.stages.dynamic import Dynamic
from lightexp.stages.stage import Context


@spec
class NetworkSurgery(Dynamic):
    """Prune |w| < a, splice |w| > b back, leave what lies between as it is (dynamic network surgery, Guo et al. 2016).

    a = (1 − margin)·(μ + c·σ) and b = (1 + margin)·(μ + c·σ) for each layer, with μ and σ the mean and the standard deviation
    (of the population) of |w| over the layer's weights that are not pruned when the stage begins. All weights train, also the
    pruned ones, by the gradient that they would have if they stood. A change takes place with probability
    1 / (1 + decay·t) at step t. So the sparsity is found, not asked for: c decides it.
    """

    trains_pruned: ClassVar[bool] = True

    every: Annotated[int, Field(ge=1)] = 1
    c: float = 1.0
    margin: Annotated[float, Field(ge=0, lt=1)] = 0.1
    decay: Annotated[float, Field(ge=0)] = 1e-4

    def changing(self, model: nn.Module, context: Context) -> Callable[[nn.Module, int, float], None]:
        levels = {name: self.level(module) for name, module in layers(model).items()}

        def change(model: nn.Module, step: int, share: float) -> None:
            draw = torch.rand((), generator=torch.Generator().manual_seed(context.seed + step))
            if draw * (1 + self.decay * step) < 1:
                for name, module in layers(model).items():
                    self.operate(module, levels[name])

        return change

    def level(self, module: nn.Module) -> float:
        """μ + c·σ."""
        sizes = latent(module).detach()[mask_of(module)].abs()
        return float(sizes.mean() + self.c * sizes.std(correction=0)) if len(sizes) else 0.0

    def operate(self, module: nn.Module, level: float) -> None:
        """Set the mask by the hysteresis around the level."""
        sizes = latent(module).detach().abs()
        spliced = sizes > (1 + self.margin) * level
        set_mask(module, spliced | mask_of(module) & (sizes >= (1 - self.margin) * level))
