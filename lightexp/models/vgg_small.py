"""The small VGG of the low-bit papers."""

from itertools import pairwise

import torch.nn.functional as F
from torch import Tensor, nn

from lightexp.models.shapes import image_shape

_FILTERS = (128, 128, 256, 256, 512, 512)


class VGGSmall(nn.Module):
    """Six convolutions and one linear classifier, the net on which binary and low-bit training is compared on CIFAR-10.

    Takes (N, C, H, W) of 8×8 pixels or more and gives (N, classes): 3×3 convolutions of 128, 128, 256, 256, 512 and 512
    filters with batch normalisation and ReLU, max-pooled by 2 after every second. 4,660,106 parameters on 3×32×32 with
    10 classes. Simonyan and Zisserman 2015, "Very deep convolutional networks for large-scale image recognition", cut down
    as in Zhang et al. 2018, "LQ-Nets".
    """

    def __init__(self, input_shape: tuple[int, ...], classes: int):
        super().__init__()
        channels, height, width = image_shape("VGGSmall", input_shape, smallest=8)
        self.convs = nn.ModuleList(
            nn.Conv2d(before, after, 3, padding=1, bias=False) for before, after in pairwise((channels, *_FILTERS))
        )
        self.norms = nn.ModuleList(nn.BatchNorm2d(filters) for filters in _FILTERS)
        self.fc = nn.Linear(_FILTERS[-1] * (height // 8) * (width // 8), classes)

    def forward(self, x: Tensor) -> Tensor:
        for number, (conv, norm) in enumerate(zip(self.convs, self.norms, strict=True), start=1):
            x = F.relu(norm(conv(x)))
            if number % 2 == 0:
                x = F.max_pool2d(x, 2)
        return self.fc(x.flatten(1))
