"""The classifiers of torchvision, by name."""

import difflib
from typing import Any

import torch
from torch import nn
from torch.overrides import TorchFunctionMode

from lightexp.errors import ConfigError


def torchvision_net(name: str, input_shape: tuple[int, ...], classes: int) -> nn.Module:
    """Any classifier of torchvision, untrained, for results on ImageNet-sized images.

    Takes (N, 3, H, W), of a size that the net itself sets, and gives (N, classes), in training as well: the auxiliary
    classifiers of GoogLeNet and Inception are left out. The torchvision documentation has the parameter counts and papers.

    Raises:
        ConfigError: torchvision has no such classifier, or the images do not have 3 channels.
    """
    from torchvision import models  # it takes seconds to import

    names = models.list_models(module=models)
    if name not in names:
        nearest = difflib.get_close_matches(str(name)[:100], names, n=1, cutoff=0)
        raise ConfigError(f"torchvision has no classifier named {name!r}: did you mean {nearest[0]}?")
    if len(input_shape) != 3 or input_shape[0] != 3:
        raise ConfigError(f"torchvision's {name} takes images of 3 channels, not shape {input_shape}: choose another net")
    options = {"aux_logits": False, "init_weights": True} if name in ("googlenet", "inception_v3") else {}
    if name.startswith("regnet"):
        with _NumbersOnCPU():
            return models.get_model(name, weights=None, num_classes=classes)
    return models.get_model(name, weights=None, num_classes=classes, **options)


class _NumbersOnCPU(TorchFunctionMode):
    """RegNet reads its widths off tensors; this keeps those readable while the net itself is built on the meta device."""

    def __torch_function__(self, func: Any, types: Any, args: tuple = (), kwargs: dict | None = None) -> Any:
        device = {"device": "cpu"} if func in (torch.arange, torch.tensor) else {}
        return func(*args, **device | (kwargs or {}))
