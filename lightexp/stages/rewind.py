"""Going back to earlier weights under the masks of now."""

from typing import Any, ClassVar

from torch import nn

from lightexp.errors import ConfigError
from lightexp.reparam import layers, mask_module, mask_of, set_mask, strip
from lightexp.spec import describe, spec
from lightexp.stages.stage import Context, Stage


@spec
class Rewind(Stage):
    """w ← m ⊙ w_k: all weights, biases and normalisation as they stood after an earlier step k, the masks m as they stand now.

    (Frankle et al. 2020; k = 0 is the lottery ticket of Frankle & Carbin 2019.) Quantizers go. What was pruned or quantized at
    step k comes back as it was then: 0 or rounded.

    to: name of a stage before this one in the chain; of a stage made of parts, its last part is meant. None: the initial net.
    """

    codes: ClassVar[bool] = False

    to: str | None = None

    def __call__(self, model: nn.Module, context: Context) -> nn.Module:
        return give(model, context.earlier, f"stage {self.to}" if self.to else "the start")

    def __describe__(self) -> dict[str, Any]:
        # What the name refers to decides the result, and not the name: the chain puts it into the key.
        return describe(type(self))


def give(model: nn.Module, source: nn.Module, when: str) -> nn.Module:
    """Make the tensors of `model` those of `source`, both stripped of quantizers, and keep the masks of `model`.

    Raises:
        ConfigError: they have not the same layers.
    """
    masks = {name: mask_of(module) for name, module in layers(model).items() if mask_module(module)}
    own, given = (strip(net).state_dict() for net in (model, source))
    changed = [name for name in own | given if getattr(own.get(name), "shape", None) != getattr(given.get(name), "shape", None)]
    if changed:
        raise ConfigError(
            f"the net has other layers than it had at {when} ({changed[0]}): what was factorized or cut out cannot be taken back"
        )
    model.load_state_dict(given)
    for name, mask in masks.items():
        set_mask(layers(model)[name], mask)
    return model
