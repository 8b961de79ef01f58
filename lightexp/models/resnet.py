"""The residual nets for CIFAR."""

from itertools import pairwise

import torch.nn.functional as F
from torch import Tensor, nn

from lightexp.errors import ConfigError
from lightexp.models.shapes import image_shape

_DEPTHS = range(8, 1203, 6)


class ResNet(nn.Module):
    """The thin residual nets of 16, 32 and 64 filters, whose shortcuts have no parameters (the paper's option A).

    Takes (N, C, H, W) of any size and gives (N, classes). `depth` is 6n + 2, up to the paper's 1202. With 3 channels and
    10 classes: 269,722 parameters at depth 20, 464,154 at 32, 853,018 at 56.
    He et al. 2016, "Deep residual learning for image recognition", section 4.2; initialised as in He et al. 2015.
    """

    def __init__(self, input_shape: tuple[int, ...], classes: int, depth: int = 20):
        super().__init__()
        channels, _, _ = image_shape("ResNet", input_shape)
        if depth not in _DEPTHS:
            raise ConfigError(f"ResNet: depth is {depth!r}: it must be 6n + 2 for n = 1 … 200, such as 20, 32, 44, 56 or 110")
        blocks_per_stage = _DEPTHS.index(depth) + 1
        self.conv = _conv3x3(channels, 16)
        self.norm = nn.BatchNorm2d(16)
        filters = [16] + [width for width in (16, 32, 64) for _ in range(blocks_per_stage)]
        self.blocks = nn.Sequential(*(_Block(before, after) for before, after in pairwise(filters)))
        self.fc = nn.Linear(64, classes)

    def forward(self, x: Tensor) -> Tensor:
        x = F.relu(self.norm(self.conv(x)))
        x = self.blocks(x)
        return self.fc(x.mean((2, 3)))


class _Block(nn.Module):
    """Two convolutions beside a shortcut; where the filters grow, both halve the image."""

    def __init__(self, before: int, after: int):
        super().__init__()
        self.stride = 1 if before == after else 2
        self.conv1 = _conv3x3(before, after, self.stride)
        self.norm1 = nn.BatchNorm2d(after)
        self.conv2 = _conv3x3(after, after)
        self.norm2 = nn.BatchNorm2d(after)

    def forward(self, x: Tensor) -> Tensor:
        y = F.relu(self.norm1(self.conv1(x)))
        y = self.norm2(self.conv2(y))
        return F.relu(y + self.shortcut(x))

    def shortcut(self, x: Tensor) -> Tensor:
        """`x` itself, or each second pixel of it with zeros for the new filters."""
        if self.stride == 1:
            return x
        # Read off the layers as they are now, which may have lost filters since they were built.
        new_filters = self.conv2.out_channels - x.shape[1]
        return F.pad(x[:, :, :: self.stride, :: self.stride], (0, 0, 0, 0, 0, new_filters))


def _conv3x3(before: int, after: int, stride: int = 1) -> nn.Conv2d:
    conv = nn.Conv2d(before, after, 3, stride, padding=1, bias=False)
    nn.init.kaiming_normal_(conv.weight, nonlinearity="relu")
    return conv
