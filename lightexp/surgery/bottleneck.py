from torch import nn

from lightexp.spec import spec
from lightexp.surgery.edit import Replacement, Size, at_most, between, conv2d


@spec
class Bottleneck(Replacement):
    """1×1 to `rank_in` channels, the kernel between them and `rank_out`, 1×1 to the filters, in place of a convolution."""

    rank_in: Size
    rank_out: Size

    def make(self, layer: nn.Module) -> nn.Module:
        conv = conv2d(layer)
        at_most(conv.in_channels, self.rank_in)
        at_most(conv.out_channels, self.rank_out)
        return nn.Sequential(
            nn.Conv2d(conv.in_channels, self.rank_in, 1, bias=False),
            between(conv, self.rank_in, self.rank_out),
            nn.Conv2d(self.rank_out, conv.out_channels, 1, bias=conv.bias is not None),
        )
