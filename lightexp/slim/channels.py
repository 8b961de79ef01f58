from torch import nn

from lightexp.reparam import layers
from lightexp.slim.amount import Amount
from lightexp.spec import spec


@spec
class Channels(Amount):
    """Filters and neurons of all layers, those that give the classes among them."""

    def of(self, net: nn.Module, input_shape: tuple[int, ...]) -> float:
        return sum(len(layer.weight) for layer in layers(net).values())
