"""A residual chain as deep as one likes, all of one width."""

from torch import Tensor, nn


class ResidualChain(nn.Module):
    """Pre-activation residual blocks of two 3×3 convolutions (He et al. 2016, "Identity mappings in deep residual networks").

    Takes (N, C, H, W) and gives (N, classes). layers: convolutions and the linear classifier, an even number: the first
    convolution, two in each block, the classifier.
    """

    def __init__(self, input_shape: tuple[int, ...], classes: int, layers: int = 64, filters: int = 16) -> None:
        super().__init__()
        self.first = nn.Conv2d(input_shape[0], filters, 3, padding=1, bias=False)
        self.blocks = nn.Sequential(*(_Block(filters) for _ in range(layers // 2 - 1)))
        self.last = nn.Linear(filters, classes)

    def forward(self, x: Tensor) -> Tensor:
        return self.last(self.blocks(self.first(x)).mean((2, 3)))


class _Block(nn.Module):
    def __init__(self, filters: int) -> None:
        super().__init__()
        self.norm1, self.norm2 = nn.BatchNorm2d(filters), nn.BatchNorm2d(filters)
        self.conv1 = nn.Conv2d(filters, filters, 3, padding=1, bias=False)
        self.conv2 = nn.Conv2d(filters, filters, 3, padding=1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        y = self.conv1(self.norm1(x).relu())
        return x + self.conv2(self.norm2(y).relu())
