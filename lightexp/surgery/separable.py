from torch import nn

from lightexp.spec import spec
from lightexp.surgery.edit import Replacement, Size, at_most, conv2d


@spec
class Separable(Replacement):
    """1×1 to `rank` channels, each convolved down its columns and then along its rows, 1×1 to the filters."""

    rank: Size

    def make(self, layer: nn.Module) -> nn.Module:
        conv = conv2d(layer)
        at_most(conv.weight.numel() // max(conv.weight.shape), self.rank)
        return nn.Sequential(
            nn.Conv2d(conv.in_channels, self.rank, 1, bias=False),
            self._along(conv, 0),
            self._along(conv, 1),
            nn.Conv2d(self.rank, conv.out_channels, 1, bias=conv.bias is not None),
        )

    def _along(self, conv: nn.Conv2d, axis: int) -> nn.Conv2d:
        """A convolution of each channel by itself, with the kernel, stride, padding and dilation of `conv` along one axis."""

        def only(sizes: tuple[int, int], elsewhere: int) -> tuple[int, ...]:
            return tuple(size if at == axis else elsewhere for at, size in enumerate(sizes))

        return nn.Conv2d(
            self.rank,
            self.rank,
            only(conv.kernel_size, 1),
            only(conv.stride, 1),
            # "same" and "valid" hold for each axis as they stand.
            conv.padding if isinstance(conv.padding, str) else only(conv.padding, 0),
            only(conv.dilation, 1),
            groups=self.rank,
            bias=False,
            padding_mode=conv.padding_mode,
        )
