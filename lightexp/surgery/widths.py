"""Layers with fewer channels than they were built with."""

from collections.abc import Iterator
from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from lightexp.reparam import layers
from lightexp.spec import spec
from lightexp.surgery.edit import Edit

Index = Tensor | slice
ALL = slice(None)


@spec
class Widths(Edit):
    """Keeps the first few of each layer's outputs and inputs. It is an edit of the whole net: `layer` is "".

    The net's forward must follow from the sizes of its modules alone, so which channels of a larger net have stayed need not be
    told. All edits of single layers come before it, whenever they were made.

    sizes: of `sized(net)`, one after the other and as differences, most of which are 0: the outputs of a layer less its inputs,
    its inputs less the outputs before, the features of a normalisation less the outputs before.
    """

    sizes: tuple[Annotated[int, Field(strict=True, ge=-(2**20), le=2**20)], ...]

    @classmethod
    def of(cls, model: nn.Module) -> "Widths":
        """The sizes that a net has."""
        found, before = [], 0
        for module in sized(model).values():
            out, into = widths(module)
            found += [out - before] if isinstance(module, _BatchNorm) else [into - before, out - into]
            before = out
        return cls("", tuple(found))

    def apply(self, model: nn.Module) -> nn.Module:
        if self.layer:
            raise ValueError("widths are those of the whole net")
        told, before = iter(self.sizes), 0
        for module in sized(model).values():
            into = before + _next(told)
            before = into if isinstance(module, _BatchNorm) else into + _next(told)
            if not all(1 <= size <= most for size, most in zip((before, into), widths(module), strict=True)):
                raise ValueError(f"{before} outputs of {into} inputs are not among those that there are")
            select(module, slice(before), slice(into))
        if next(told, None) is not None:
            raise ValueError("there are more sizes than layers")
        model.edit = self
        return model


def sized(model: nn.Module) -> dict[str, nn.Module]:
    """The modules that can lose channels, by name, in the order of the net: compressible layers and batch normalisations."""
    found = layers(model)
    return {name: part for name, part in model.named_modules() if name in found or isinstance(part, _BatchNorm)}


def widths(module: nn.Module) -> tuple[int, int]:
    """Outputs and inputs; of a normalisation its features, twice."""
    if isinstance(module, _BatchNorm):
        return module.num_features, module.num_features
    if isinstance(module, nn.Linear):
        return module.out_features, module.in_features
    return module.out_channels, module.in_channels


def is_depthwise(module: nn.Module) -> bool:
    """Whether each input channel has one filter of its own, so that inputs and outputs are the same channels."""
    return getattr(module, "groups", 1) == module.weight.shape[0] == getattr(module, "in_channels", 0) > 1


@torch.no_grad()
def select(module: nn.Module, out: Index, into: Index = ALL) -> None:
    """Leave a plain layer or normalisation those outputs and inputs alone.

    Raises:
        ValueError: it is a convolution in groups of several channels, and some would go.
    """
    if isinstance(module, _BatchNorm):
        for name in ("weight", "bias", "running_mean", "running_var"):
            _keep(module, name, (out,))
        module.num_features = torch.arange(module.num_features)[out].numel()
        return
    before, depthwise = widths(module), is_depthwise(module)
    _keep(module, "weight", (out,) if depthwise else (out, into))
    _keep(module, "bias", (out,))
    size = len(module.weight)
    if isinstance(module, nn.Linear):
        module.out_features, module.in_features = module.weight.shape
        return
    groups = size if depthwise else module.groups
    after = size, groups * module.weight.shape[1]
    if groups > 1 and not depthwise and after != before:
        raise ValueError("a convolution in groups of several channels keeps them all")
    (module.out_channels, module.in_channels), module.groups = after, groups


def _keep(module: nn.Module, name: str, index: tuple[Index, ...]) -> None:
    tensor = getattr(module, name, None)
    if tensor is None:
        return
    kept = tensor.detach()
    for axis, chosen in enumerate(index):
        kept = kept[(ALL,) * axis + (chosen,)]
    kept = kept.clone(memory_format=torch.contiguous_format)
    setattr(module, name, nn.Parameter(kept, tensor.requires_grad) if isinstance(tensor, nn.Parameter) else kept)


def _next(told: Iterator[int]) -> int:
    found = next(told, None)
    if found is None:
        raise ValueError("there are more layers than sizes")
    return found
