"""Quantization of what the layers take in."""

from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor, nn

from lightexp.quantize.activations import ActivationQuantizer, UniformActivation
from lightexp.reparam import layers
from lightexp.spec import spec
from lightexp.stages.skip import check_ahead, without
from lightexp.stages.stage import Context, Stage
from lightexp.statistics.samples import draw

SAMPLES = 2**18
"""Values of each layer's input that a quantizer is shown; more of them change a percentile by less than its step."""


@spec
class QuantizeActivations(Stage):
    """Round the inputs of layers from here on, in training, in the file's net and in every figure.

    quantizer: how. batches: training batches of 128 to look at. skip: layers whose input stays float32; None stands for the
    first layer alone, whose input is the picture itself.
    """

    quantizer: ActivationQuantizer = UniformActivation()
    batches: Annotated[int, Field(ge=1)] = 20
    skip: tuple[str, ...] | None = None

    def check(self, model: nn.Module) -> None:
        check_ahead(self.skip or (), model)

    def __call__(self, model: nn.Module, context: Context) -> nn.Module:
        left_out = list(layers(model))[:1] if self.skip is None else self.skip
        for name, values in _inputs(model, without(left_out, model), context, self.batches).items():
            edit, state = self.quantizer.fit(name, values)
            edit.apply(model).load_state_dict(state)
        return model


@torch.no_grad()
def _inputs(model: nn.Module, chosen: dict[str, nn.Module], context: Context, batches: int) -> dict[str, Tensor]:
    """Of each chosen layer, values that arrive there over some training batches, drawn evenly, on the layer's device."""
    generator = torch.Generator().manual_seed(context.seed)
    samples = draw(context.data, batches, generator)
    seen: dict[str, list[Tensor]] = {}

    def look(name: str):
        def hook(layer: nn.Module, inputs: tuple[Tensor, ...]) -> None:
            values = inputs[0].detach().flatten()
            drawn = torch.randint(len(values), (SAMPLES // len(samples),), generator=generator).to(values.device)
            seen.setdefault(name, []).append(values[drawn] if len(values) > len(drawn) else values)

        return hook

    training = model.training
    model.eval()
    handles = [layer.register_forward_pre_hook(look(name), prepend=True) for name, layer in chosen.items()]
    for inputs, _ in samples:
        model(inputs)
    for handle in handles:
        handle.remove()
    model.train(training)
    return {name: torch.cat(parts) for name, parts in seen.items()}
