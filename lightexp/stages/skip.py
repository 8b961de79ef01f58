"""Layers that a stage leaves alone."""

from collections.abc import Iterable

from torch import nn

from lightexp.errors import ConfigError
from lightexp.reparam import layers


def check_ahead(skip: Iterable[str], model: nn.Module, option: str = "skip") -> None:
    """Complain of a name that is no layer of the net as it is built; one below a layer may be made by an earlier stage.

    option: of the stage, that holds the names.

    Raises:
        ConfigError: lists the right names.
    """
    below = tuple(f"{name}." for name in layers(model))
    without([name for name in skip if not name.startswith(below)], model, option)


def without(skip: Iterable[str], model: nn.Module, option: str = "skip") -> dict[str, nn.Module]:
    """The layers of the net but those named.

    Raises:
        ConfigError: a name is none of its layers.
    """
    found = layers(model)
    for name in skip:
        if name not in found:
            raise ConfigError(f"{option} names the layer {name!r}, which is not there; there are: {', '.join(found)}")
    return {name: module for name, module in found.items() if name not in skip}
