"""Multilayer perceptrons, LeNet-300-100 among them."""

import math
from collections.abc import Sequence
from itertools import pairwise

import torch.nn.functional as F
from torch import Tensor, nn

from lightexp.errors import ConfigError

_MAX_LAYERS, _MAX_WIDTH = 1000, 2**20


class MLP(nn.Module):
    """Fully connected layers with ReLU and dropout between them, the simplest net for any input.

    Takes (N, *input_shape), flattened, and gives (N, classes). `widths` are the hidden layers' sizes, none for a linear
    classifier. `widths=[300, 100]` is LeNet-300-100 (LeCun et al. 1998, "Gradient-based learning applied to document
    recognition"): 266,610 parameters on MNIST.
    """

    def __init__(
        self,
        input_shape: tuple[int, ...],
        classes: int,
        widths: Sequence[int],
        dropout: float = 0.0,
        input_dropout: float = 0.0,
    ):
        super().__init__()
        check_widths("MLP", widths)
        for name, rate in {"dropout": dropout, "input_dropout": input_dropout}.items():
            if not (isinstance(rate, (int, float)) and 0 <= rate < 1):
                raise ConfigError(f"MLP: {name} is {rate!r}: it must be at least 0 and below 1")
        sizes = [math.prod(input_shape), *widths, classes]
        self.layers = nn.ModuleList(nn.Linear(fan_in, fan_out) for fan_in, fan_out in pairwise(sizes))
        self.dropout = dropout
        self.input_dropout = input_dropout

    def forward(self, x: Tensor) -> Tensor:
        x = F.dropout(x.flatten(1), self.input_dropout, self.training)
        for layer in self.layers[:-1]:
            x = F.dropout(F.relu(layer(x)), self.dropout, self.training)
        return self.layers[-1](x)


def check_widths(net: str, widths: object) -> None:
    """Complain of what cannot be the sizes of hidden layers."""
    if not isinstance(widths, Sequence) or len(widths) > _MAX_LAYERS or not all(map(_is_width, widths)):
        raise ConfigError(f"{net}: widths must be up to {_MAX_LAYERS} sizes from 1 to {_MAX_WIDTH}, such as [300, 100]")


def _is_width(width: object) -> bool:
    return isinstance(width, int) and 0 < width <= _MAX_WIDTH
