"""The contract of a sensitivity."""

from abc import ABC, abstractmethod

from lightexp.quantize.quantizer import LayerWeight, Probe
from lightexp.reparam import WeightCode


class Sensitivity(ABC):
    """Says what it would cost the net to have a layer quantized to fewer bits."""

    @abstractmethod
    def __call__(
        self, weights: dict[str, LayerWeight], codes: dict[str, dict[int, WeightCode]], probe: Probe
    ) -> dict[str, dict[int, float]]:
        """A cost for each layer and number of bits, to be summed over layers, from the `codes` that it would have there."""
