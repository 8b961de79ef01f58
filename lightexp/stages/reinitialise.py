"""The control for what trained or chosen weights are worth."""

from torch import nn

from lightexp.spec import spec
from lightexp.stages.rewind import give
from lightexp.stages.stage import Context, Stage


@spec
class Reinitialise(Stage):
    """w ← m ⊙ w′: new random weights, biases and normalisation from the net's own initialiser, under the masks m of now.

    A sanity check (Frankle et al. 2021): a criterion whose masks do as well on any weights has not looked at them. w′ is
    drawn from the stage's seed. Quantizers go.
    """

    def __call__(self, model: nn.Module, context: Context) -> nn.Module:
        return give(model, context.fresh(), "the start")
