"""The contract of a quantizer of activations."""

from abc import ABC, abstractmethod

from torch import Tensor

from lightexp.surgery import QuantizedInput


class ActivationQuantizer(ABC):
    """Decides how the input of a layer is rounded, from a sample of the numbers that arrive there."""

    @abstractmethod
    def fit(self, layer: str, samples: Tensor) -> tuple[QuantizedInput, dict[str, Tensor]]:
        """What is added to the layer of that name, and the state of it; `samples` are N float32 values in no order."""
