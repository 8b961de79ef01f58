"""The contract of a quantizer."""

from abc import ABC, abstractmethod
from typing import NamedTuple

from torch import Tensor, nn


class LayerWeight(NamedTuple):
    """A layer's weight (float32) and its mask (bool, False where it is pruned), of the same shape."""

    weight: Tensor
    mask: Tensor


class Quantizer(ABC):
    """Fits codes to weights: from all layers of the net, one parametrization a layer that holds its integers.

    A parametrization's `forward(weight)` gives the quantized weight while training and its `code(weight)` the exact integers
    (`lightexp.reparam.WeightCode`). Pruned weights keep code 0.
    """

    @abstractmethod
    def fit(self, weights: dict[str, LayerWeight], seed: int) -> dict[str, nn.Module]: ...
