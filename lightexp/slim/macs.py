from torch import nn

from lightexp.measure import layer_macs
from lightexp.slim.amount import Amount
from lightexp.spec import spec


@spec
class MACs(Amount):
    """Multiply-accumulates of all linear layers and convolutions for one input, as the Record's `macs`."""

    def of(self, net: nn.Module, input_shape: tuple[int, ...]) -> float:
        return sum(layer_macs(net, input_shape).values())
