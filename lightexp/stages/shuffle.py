"""The control for what the choice of weights within a layer is worth."""

from typing import ClassVar

import torch
from torch import nn

from lightexp.reparam import mask_of, set_mask
from lightexp.spec import spec
from lightexp.stages.masked import pruned
from lightexp.stages.stage import Context, Stage


@spec
class Shuffle(Stage):
    """m ← m∘π with a random permutation π of each layer's own places; the weights stay where they are.

    A sanity check (Frankle et al. 2021; Su et al. 2020): a criterion that does as well afterwards has found how many weights
    each layer needs, and not which. A weight that is uncovered has the value that the optimizer last left below its mask.
    """

    needs_pruned: ClassVar[bool] = True

    def __call__(self, model: nn.Module, context: Context) -> nn.Module:
        generator = torch.Generator().manual_seed(context.seed)
        for module in pruned(model).values():
            mask = mask_of(module)
            places = torch.randperm(mask.numel(), generator=generator).to(mask.device)
            set_mask(module, mask.reshape(-1)[places].reshape(mask.shape))
        return model
