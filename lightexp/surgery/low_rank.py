from torch import nn

from lightexp.spec import spec
from lightexp.surgery.edit import Replacement, Size, at_most, between, conv2d


@spec
class LowRank(Replacement):
    """Two layers in place of one, with `rank` numbers between them; the second has the bias.

    Linear: in → rank → out. Convolution: the kernel into `rank` channels, then 1×1 to the filters.
    """

    rank: Size

    def make(self, layer: nn.Module) -> nn.Module:
        biased = getattr(layer, "bias", None) is not None
        if isinstance(layer, nn.Linear):
            at_most(min(layer.in_features, layer.out_features), self.rank)
            first = nn.Linear(layer.in_features, self.rank, bias=False)
            return nn.Sequential(first, nn.Linear(self.rank, layer.out_features, biased))
        conv = conv2d(layer)
        at_most(min(conv.weight[0].numel(), conv.out_channels), self.rank)
        first = between(conv, conv.in_channels, self.rank)
        return nn.Sequential(first, nn.Conv2d(self.rank, conv.out_channels, 1, bias=biased))
