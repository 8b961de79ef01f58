"""The control for what trained or chosen weights are worth."""

from typing import ClassVar

import torch
from torch import nn

from lightexp.reparam import layers
from lightexp.spec import spec
from lightexp.stages.rewind import give
from lightexp.stages.stage import Context, Stage
from lightexp.surgery import Widths
from lightexp.surgery.widths import sized


@spec
class Reinitialise(Stage):
    """w ← m ⊙ w′: new random weights, biases and normalisation from the net's own initialiser, under the masks m of now.

    A sanity check (Frankle et al. 2021): a criterion whose masks do as well on any weights has not looked at them. w′ is
    drawn from the stage's seed. Quantizers go.

    A net that was slimmed is the small net trained from scratch (Liu et al. 2019): it gets the first of the new weights, times
    √(n/n′) where a layer has n′ inputs to a unit left of n, the size at which an initialiser by inputs would have drawn them.
    """

    codes: ClassVar[bool] = False

    def __call__(self, model: nn.Module, context: Context) -> nn.Module:
        fresh = context.fresh()
        if isinstance(getattr(model, "edit", None), Widths) and sized(fresh).keys() == sized(model).keys():
            _narrow(fresh, Widths.of(model))
        return give(model, fresh, "the start")


@torch.no_grad()
def _narrow(fresh: nn.Module, widths: Widths) -> None:
    before = {name: layer.weight[0].numel() for name, layer in layers(fresh).items()}
    widths.apply(fresh)
    for name, layer in layers(fresh).items():
        for tensor in filter(torch.is_tensor, (layer.weight, layer.bias)):
            tensor *= (before[name] / layer.weight[0].numel()) ** 0.5
