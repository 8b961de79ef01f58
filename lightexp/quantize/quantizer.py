"""The contract of a quantizer."""

from abc import ABC, abstractmethod
from typing import ClassVar, NamedTuple, Protocol

from torch import Tensor, nn


class LayerWeight(NamedTuple):
    """A layer's weight (float32) and its mask (bool, False where it is pruned), of the same shape."""

    weight: Tensor
    mask: Tensor


class Probe(Protocol):
    """Answers what a quantizer wants to know about the net on its training data, without touching the net."""

    def loss(self, weights: dict[str, Tensor]) -> float:
        """The mean loss with these weights (by layer) in place of the net's own."""

    def hessian_trace(self) -> dict[str, float]:
        """For each layer the trace of the Hessian of the mean loss over its weights that are not pruned."""


class Quantizer(ABC):
    """Fits codes to weights: from all layers of the net, one parametrization a layer that holds its integers.

    A parametrization's `forward(weight)` gives the quantized weight while training and its `code(weight)` the exact integers
    (`lightexp.reparam.WeightCode`). Pruned weights keep code 0.
    """

    moves: ClassVar[bool] = True
    """Whether training moves the weights behind the codes, which then change; where not, it moves the codes' values alone."""

    @abstractmethod
    def fit(self, weights: dict[str, LayerWeight], seed: int, probe: Probe) -> dict[str, nn.Module]: ...

    def bits_asked(self) -> float | None:
        """The mean bits a weight that it is told to take; None if it has but one way, or another measure."""
        return getattr(self, "bits", None)

    def check(self, weights: dict[str, Tensor]) -> None:
        """Complain, before anything is trained, of what cannot be done to these layers."""
