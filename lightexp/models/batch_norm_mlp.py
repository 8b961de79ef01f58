"""Multilayer perceptrons made for weights and activations of few bits."""

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Literal

from torch import Tensor, nn

from lightexp.errors import ConfigError
from lightexp.models.mlp import check_widths

_ACTIVATIONS = {"hardtanh": nn.Hardtanh, "relu": nn.ReLU}


class BatchNormMLP(nn.Module):
    """Fully connected layers, each followed by a BatchNorm, whose scale makes up for weights that have none.

    Takes (N, *input_shape), flattened, and gives (N, classes). `widths` are the hidden layers' sizes. With `hardtanh` the inputs of
    the layers lie in [−1, 1] and have a sign, as nets of binary activations need it (Courbariaux et al. 2016, "Binarized neural
    networks"); with `relu` it is the net of BinaryConnect (Courbariaux et al. 2015).
    """

    def __init__(
        self,
        input_shape: tuple[int, ...],
        classes: int,
        widths: Sequence[int],
        activation: Literal["hardtanh", "relu"] = "hardtanh",
    ):
        super().__init__()
        check_widths("BatchNormMLP", widths)
        if activation not in _ACTIVATIONS:
            raise ConfigError(f"BatchNormMLP: activation is {activation!r}: choose {' or '.join(_ACTIVATIONS)}")
        sizes = [math.prod(input_shape), *widths, classes]
        self.layers = nn.ModuleList(nn.Linear(fan_in, fan_out, bias=False) for fan_in, fan_out in pairwise(sizes))
        self.norms = nn.ModuleList(nn.BatchNorm1d(size) for size in sizes[1:])
        self.activation = _ACTIVATIONS[activation]()

    def forward(self, x: Tensor) -> Tensor:
        x = x.flatten(1)
        for layer, norm in zip(self.layers[:-1], self.norms[:-1], strict=True):
            x = self.activation(norm(layer(x)))
        return self.norms[-1](self.layers[-1](x))
