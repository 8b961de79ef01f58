"""The contract of a quantizer of activations."""

from abc import ABC, abstractmethod
from typing import ClassVar

from torch import Tensor

from lightexp.surgery import QuantizedInput


class ActivationQuantizer(ABC):
    """Decides how the input of a layer is rounded, from a sample of the numbers that arrive there."""

    two_sided: ClassVar[bool] = False
    """Whether it rounds numbers of either sign to some near them; one that is not makes negative ones 0, or all of them signs."""

    @abstractmethod
    def fit(self, layer: str, samples: Tensor) -> tuple[QuantizedInput, dict[str, Tensor]]:
        """What is added to the layer of that name, and the state of it; `samples` are N float32 values in no order."""
