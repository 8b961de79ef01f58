"""Quantization of what the layers take in."""

from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor, nn

from lightexp.data import Splits
from lightexp.errors import ConfigError
from lightexp.quantize.activations import ActivationQuantizer, UniformActivation
from lightexp.reparam import layers
from lightexp.spec import spec
from lightexp.stages.skip import check_ahead, without
from lightexp.stages.stage import Context, Stage
from lightexp.statistics.samples import draw
from lightexp.statistics.sums import addends, takers
from lightexp.surgery import InheritedInput, Outlet

SAMPLES = 2**18
"""Values of each layer's input that a quantizer is shown; more of them change a percentile by less than its step."""


@spec
class QuantizeActivations(Stage):
    """Round the inputs of layers from here on, in training, in the file's net and in every figure.

    quantizer: how. batches: training batches of 128 to look at. skip: layers whose input stays float32; None stands for the
    first layer alone, whose input is the picture itself. sums: how what enters the sums of a residual net is rounded, as
    runtimes need that compute sums in integers; layers take such a shortcut as it then is. None leaves it float32.
    """

    quantizer: ActivationQuantizer = UniformActivation()
    batches: Annotated[int, Field(ge=1)] = 20
    skip: tuple[str, ...] | None = None
    sums: ActivationQuantizer | None = None

    def check(self, model: nn.Module) -> None:
        check_ahead(self.skip or (), model)
        if self.sums is not None and not self.sums.two_sided:
            raise ConfigError(f"sums is {type(self.sums).__name__}, which keeps no negative numbers: use uniform or lsq")

    def check_both(self, model: nn.Module, data: Splits) -> None:
        if self.sums is not None and not any(addends(model, _two(data))):
            raise ConfigError("sums is set, but the net adds up nothing that one of its modules takes or gives: leave it null")

    def __call__(self, model: nn.Module, context: Context) -> nn.Module:
        left_out = list(layers(model))[:1] if self.skip is None else self.skip
        chosen = without(left_out, model)
        inherited = self._round_sums(model, context) if self.sums is not None else []
        self._round(self.quantizer, model, {name: layer for name, layer in chosen.items() if name not in inherited}, context)
        return model

    def _round_sums(self, model: nn.Module, context: Context) -> list[str]:
        """Give the sums' sides their quantizers; the layers that take what these give."""
        inputs, training = _two(context.data), model.training
        model.eval()
        found = addends(model, inputs)
        outlets = [f"{name}.{Outlet.attribute}" for name in found.given]
        for name in found.given:
            Outlet(name).apply(model)
        made = self._round(self.sums, model, {name: model.get_submodule(name) for name in [*found.taken, *outlets]}, context)
        heirs = takers(model, made, inputs)
        for name in heirs:
            InheritedInput(name, made[0].edit.bits).apply(model)
        model.train(training)
        return heirs

    def _round(
        self, quantizer: ActivationQuantizer, model: nn.Module, parts: dict[str, nn.Module], context: Context
    ) -> list[nn.Module]:
        """Give the inputs of these modules quantizers; these."""
        made = []
        for name, values in _inputs(model, parts, context, self.batches).items():
            edit, state = quantizer.fit(name, values)
            made.append(edit.apply(model))
            made[-1].load_state_dict(state)
        return made


def _two(data: Splits) -> Tensor:
    return data.batch(data.train, torch.arange(2, device=data.train.x.device))[0]


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
            # Copied in any case: nets may go on in place.
            seen.setdefault(name, []).append(values[drawn] if len(values) > len(drawn) else values.clone())

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
