"""The contract of a factorization."""

from abc import ABC, abstractmethod

import torch
from torch import Tensor, nn

from lightexp.reparam import plain_type
from lightexp.surgery import Replacement


class Factorization(ABC):
    """Writes the weight of a layer as a product of smaller tensors: the weights of the layers that take its place.

    Weights are (out, in) or (out, in, rows, columns). `ranks` are the sizes between the new layers, as many as `matrices`.
    """

    @abstractmethod
    def takes(self, layer: nn.Module) -> bool:
        """Whether it can factorize this layer."""

    @abstractmethod
    def matrices(self, weight: Tensor) -> list[Tensor]:
        """For each rank the weight as a matrix whose own rank it cannot be below, if nothing is to be lost."""

    def full(self, shape: torch.Size) -> list[int]:
        """The ranks over which no weight of that shape gains anything."""
        return [min(matrix.shape) for matrix in self.matrices(torch.empty(shape, device="meta"))]

    @abstractmethod
    def params(self, shape: torch.Size, ranks: list[int]) -> int:
        """How many weights the new layers have, biases aside."""

    @abstractmethod
    def edit(self, layer: str, ranks: list[int]) -> Replacement:
        """What is done to the net: the layers that take the place of the one of that name."""

    @abstractmethod
    def factors(self, weight: Tensor, ranks: list[int], seed: int) -> list[Tensor]:
        """The weights of the new layers, in their order, float64."""


def is_linear(layer: nn.Module) -> bool:
    """Whether it is a linear layer itself, not one of the kinds made of it, whose nets may use them in other ways."""
    return plain_type(layer) is nn.Linear


def is_convolution(layer: nn.Module) -> bool:
    """Whether it is a two-dimensional convolution without groups."""
    return plain_type(layer) is nn.Conv2d and layer.groups == 1


def is_pointwise(layer: nn.Module) -> bool:
    """Whether it is a convolution that looks at one pixel at a time, which is a linear layer of the channels."""
    return is_convolution(layer) and layer.kernel_size == (1, 1)


def exact(weight: Tensor) -> Tensor:
    """In float64 on the CPU, where a decomposition gives the same bits each time."""
    return weight.detach().cpu().double()
