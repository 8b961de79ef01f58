"""What goes into the layers of a net and what comes out, watched through hooks."""

from collections import defaultdict
from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.modules.batchnorm import _BatchNorm
from torch.utils.hooks import RemovableHandle

from lightexp.errors import ConfigError
from lightexp.reparam import layers
from lightexp.statistics.samples import Figures, Samples

Look = Callable[[str, nn.Module, Tensor], None]
"""Is told the layer's name, the module and the tensor that goes in or comes out."""


def input_norm(model: nn.Module, samples: Samples) -> Figures:
    """√Σ x² for each weight, over all x that it is multiplied with: all samples, and all positions of a convolution."""
    sums: dict[str, Tensor] = {}

    def add(name: str, module: nn.Module, x: Tensor) -> None:
        sums[name] = sums.get(name, 0) + _squares(module, x)

    _pass(model, samples, _on_input(layers(model), add))
    return {name: {"input_norm": _of(sums, name).sqrt()} for name in layers(model)}


def _squares(module: nn.Module, x: Tensor) -> Tensor:
    """Σ x² in the shape of the weight: the gradient, by the weight, of the sum of what the layer makes of x².

    That goes with every stride, padding and dilation. Filters of a group see the same inputs, so one of them is asked.
    """
    each = len(module.weight) // getattr(module, "groups", 1)
    weight = module.weight.detach()[::each].clone().requires_grad_()
    convolve = F.linear if isinstance(module, nn.Linear) else module._conv_forward
    with torch.enable_grad():
        (total,) = torch.autograd.grad(convolve(x.square(), weight, None).sum(), weight)
    return total.repeat_interleave(each, 0)


def units(model: nn.Module, samples: Samples) -> Figures:
    """Each unit's output behind ReLU: its mean over positions, samples × units, and the share of it that is 0, by unit."""
    means: dict[str, list[Tensor]] = defaultdict(list)
    zeros: dict[str, list[Tensor]] = defaultdict(list)

    def note(name: str, module: nn.Module, output: Tensor) -> None:
        by_unit = output.movedim(-1, 1) if isinstance(module, nn.Linear) else output
        active = by_unit.reshape(*by_unit.shape[:2], -1).relu()
        means[name].append(active.mean(2))
        zeros[name].append((active == 0).float().mean(2))

    _pass(model, samples, _on_output(layers(model) | batch_norms(model, samples), note))
    return {
        name: {"unit_outputs": torch.cat(_of(means, name)), "zero_share": torch.cat(_of(zeros, name)).mean(0)}
        for name in layers(model)
    }


def batch_norm_scale(model: nn.Module, samples: Samples) -> Figures:
    """γ of the batch normalisation behind each layer, 1 where there is none.

    Raises:
        ConfigError: none stands directly behind any layer.
    """
    behind = batch_norms(model, samples)
    if not behind:
        raise ConfigError("no batch normalisation takes a layer's output as it is: choose another criterion, as filter_l1")
    found = {}
    for name, module in layers(model).items():
        scale = behind[name].weight if name in behind else None
        found[name] = {"batch_norm_scale": module.weight.new_ones(len(module.weight)) if scale is None else scale.detach()}
    return found


def batch_norms(model: nn.Module, samples: Samples) -> dict[str, nn.Module]:
    """By layer the batch normalisation whose input is the very tensor that the layer gives, where there is one."""
    given: list[tuple[str, Tensor]] = []
    found: dict[str, nn.Module] = {}

    def note(name: str, module: nn.Module, output: Tensor) -> None:
        if output.shape[1] == len(module.weight):
            given.append((name, output))

    def find(_: str, norm: nn.Module, x: Tensor) -> None:
        found.update({name: norm for name, output in given if output is x})

    norms = {name: module for name, module in model.named_modules() if isinstance(module, _BatchNorm)}
    inputs, labels = next(iter(samples))
    _pass(model, [(inputs[:2], labels)], _on_output(layers(model), note) + _on_input(norms, find))
    return found


def _on_input(modules: dict[str, nn.Module], look: Look) -> list[RemovableHandle]:
    return [
        module.register_forward_pre_hook(lambda module, given, name=name: look(name, module, given[0]))
        for name, module in modules.items()
    ]


def _on_output(modules: dict[str, nn.Module], look: Look) -> list[RemovableHandle]:
    return [
        module.register_forward_hook(lambda module, given, output, name=name: look(name, module, output))
        for name, module in modules.items()
    ]


@torch.no_grad()
def _pass(model: nn.Module, batches: Iterable[tuple[Tensor, Tensor]], hooks: list[RemovableHandle]) -> None:
    """Let the batches through the net and take the hooks off."""
    try:
        for inputs, _ in batches:
            model(inputs)
    finally:
        for hook in hooks:
            hook.remove()


def _of(seen: dict[str, Any], name: str) -> Any:
    if name not in seen:
        raise ConfigError(
            f"layer {name} is never called by the net, so nothing is known of its inputs and outputs; "
            "choose a criterion of the weights alone, as magnitude"
        )
    return seen[name]
