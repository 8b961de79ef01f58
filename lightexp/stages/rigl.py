"""Sparse from the first step to the last, while the zeros wander."""

import math
from collections.abc import Callable
from typing import Annotated, ClassVar

import torch
from pydantic import Field
from torch import Tensor, nn

from lightexp.errors import TrainingError
from lightexp.ops.select import keep_largest
from lightexp.reparam import latent, layers, mask_of, set_mask
from lightexp.spec import spec
from lightexp.stages.dynamic import Dynamic
from lightexp.stages.masked import pruned
from lightexp.stages.stage import Context
from lightexp.statistics.gather import gather


@spec
class RigL(Dynamic):
    """Train at the sparsity that there is, dropping weights and growing as many in each layer (Evci et al. 2020).

    At step t the ⌊f(t)·n⌋ smallest |w| of a layer's n weights are dropped, f(t) = fraction/2 · (1 + cos(π·t/T)), T the step of
    `end`; as many grow where |∂L/∂w| is largest among all that are then zero, L the cross-entropy of 128 training samples in
    evaluation mode. What grows starts at 0; what is dropped and grown at once stays as it was.

    Two liberties: the step itself is taken as well, and the optimizer's moments of what grows are left to it. They have decayed
    since the weight was dropped, for a masked weight gets no gradient.
    """

    needs_pruned: ClassVar[bool] = True

    fraction: Annotated[float, Field(gt=0, le=1)] = 0.3

    def changing(self, model: nn.Module, context: Context) -> Callable[[nn.Module, int, float], None]:
        pruned(model)

        def change(model: nn.Module, step: int, share: float) -> None:
            fraction = self.fraction / 2 * (1 + math.cos(math.pi * share))
            statistics = gather(model, context.data, frozenset({"mean_gradient"}), 1, context.seed + step)
            for name, module in layers(model).items():
                if not statistics[name].mean_gradient.isfinite().all():
                    raise TrainingError(f"layer {name} has no finite gradient at step {step}: lower the learning rate")
                exchange(module, statistics[name].mean_gradient, fraction)

        return change


@torch.no_grad()
def exchange(module: nn.Module, gradient: Tensor, fraction: float) -> None:
    """Drop that share of the layer's weights, and grow as many by a gradient of the weight's shape."""
    before = mask_of(module).clone()
    alive = int(before.sum())
    count = int(fraction * alive)
    left = keep_largest(module.weight.abs().masked_fill(~before, -torch.inf), alive - count)
    grown = keep_largest(gradient.abs().masked_fill(left, -torch.inf), count)
    latent(module)[grown & ~before] = 0
    set_mask(module, left | grown)
