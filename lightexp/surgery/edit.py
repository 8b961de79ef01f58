"""The contract of a change of a net's modules."""

from abc import ABC, abstractmethod
from dataclasses import asdict
from functools import partial
from typing import Annotated, Any, ClassVar

import torch
from pydantic import Field
from torch import Tensor, nn

from lightexp.spec import spec

Size = Annotated[int, Field(strict=True, ge=1, le=2**20)]
"""A rank or a width in a file: a whole number and nothing that could be read as one."""


@spec
class Edit(ABC):
    """One change of one layer. Its fields are JSON data and say all that shapes depend on; values come with the state.

    layer: the layer's name at that time; what an earlier edit has made of a layer may be changed in its turn.
    """

    layer: Annotated[str, Field(strict=True)]

    @abstractmethod
    def apply(self, model: nn.Module) -> nn.Module:
        """Change `model`, which may be on the meta device; the module made for it, which carries this edit from then on.

        Raises:
            AttributeError, ValueError: the net has no such layer, or it is of another kind or too small.
        """

    def data(self) -> dict[str, Any]:
        """The edit as JSON data: its kind, its layer and what else `operate` needs."""
        return {"edit": type(self).__name__} | asdict(self)


@spec
class Replacement(Edit):
    """Puts a module in the place of the layer. Masks, quantizers and whatever was added to the layer go with it."""

    @abstractmethod
    def make(self, layer: nn.Module) -> nn.Module:
        """What stands for the layer, made of plain layers, which are then pruned and quantized under their own names."""

    def apply(self, model: nn.Module) -> nn.Module:
        layer = model.get_submodule(self.layer)
        made = self.make(layer)
        made.to(layer.weight).train(layer.training).edit = self
        model.set_submodule(self.layer, made)
        return made


@spec
class Addition(Edit):
    """Lets the layer's input pass through a module of its own first; the layer's weights keep their names.

    attribute: what that module is called within the layer. One that was there before makes way.
    """

    attribute: ClassVar[str]

    @abstractmethod
    def make(self, layer: nn.Module) -> nn.Module:
        """The module that the input passes through, its parameters and buffers of the shapes that the state will have."""

    def attach(self, layer: nn.Module) -> None:
        """See to it that the input passes through the attribute."""
        layer.register_forward_pre_hook(partial(_pass, self.attribute))

    def apply(self, model: nn.Module) -> nn.Module:
        layer = model.get_submodule(self.layer)
        made, before = self.make(layer), getattr(layer, self.attribute, None)
        if before is not None and not isinstance(getattr(before, "edit", None), Edit):
            raise ValueError(f"{self.layer} has a {self.attribute} of another kind")
        if before is None:
            self.attach(layer)
        made.to(next(model.parameters(), torch.empty(0)).device).train(layer.training).edit = self
        layer.add_module(self.attribute, made)
        return made


def _pass(attribute: str, layer: nn.Module, inputs: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    # Reads the module off the layer at hand, so that a deep copy of the net uses its own.
    return (getattr(layer, attribute)(inputs[0]), *inputs[1:])


def conv2d(layer: nn.Module) -> nn.Conv2d:
    """The layer, once it is known to be a two-dimensional convolution without groups.

    Raises:
        ValueError: it is not.
    """
    if not isinstance(layer, nn.Conv2d) or layer.groups != 1:
        raise ValueError("the layer is no two-dimensional convolution without groups")
    return layer


def between(conv: nn.Conv2d, channels: int, filters: int) -> nn.Conv2d:
    """A convolution that moves over its input as `conv` does, from and to other numbers of channels, without bias."""
    return nn.Conv2d(
        channels,
        filters,
        conv.kernel_size,
        conv.stride,
        conv.padding,
        conv.dilation,
        bias=False,
        padding_mode=conv.padding_mode,
    )


def at_most(largest: int, *ranks: int) -> None:
    """Refuse ranks that no tensor of these sides has.

    Raises:
        ValueError: one is over `largest`.
    """
    if max(ranks) > largest:
        raise ValueError(f"a rank of {max(ranks)} is over {largest}, the largest there is")
