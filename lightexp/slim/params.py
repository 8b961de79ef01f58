from torch import nn

from lightexp.slim.amount import Amount
from lightexp.spec import spec


@spec
class Params(Amount):
    """All parameters, as the Record's `params`: weights, biases and normalisation."""

    def of(self, net: nn.Module, input_shape: tuple[int, ...]) -> float:
        return sum(parameter.numel() for parameter in net.parameters())
