"""LeNet-5 as the pruning papers use it."""

import torch.nn.functional as F
from torch import Tensor, nn

from lightexp.models.shapes import image_shape


class LeNet5(nn.Module):
    """Caffe's 20-50-500 variant of LeNet-5, the small convolutional net on which pruning results are compared.

    Takes (N, C, H, W) of 16×16 pixels or more and gives (N, classes): two unpadded 5×5 convolutions, each max-pooled by 2,
    then two fully connected layers with a ReLU between them. 431,080 parameters on 1×28×28 with 10 classes.
    After LeCun et al. 1998, "Gradient-based learning applied to document recognition".
    """

    def __init__(self, input_shape: tuple[int, ...], classes: int):
        super().__init__()
        channels, height, width = image_shape("LeNet5", input_shape, smallest=16)
        self.conv1 = nn.Conv2d(channels, 20, 5)
        self.conv2 = nn.Conv2d(20, 50, 5)
        self.fc1 = nn.Linear(50 * _pooled(height) * _pooled(width), 500)
        self.fc2 = nn.Linear(500, classes)

    def forward(self, x: Tensor) -> Tensor:
        x = F.max_pool2d(self.conv1(x), 2)
        x = F.max_pool2d(self.conv2(x), 2)
        x = F.relu(self.fc1(x.flatten(1)))
        return self.fc2(x)


def _pooled(size: int) -> int:
    """The height or width that is left of `size` after both convolutions and poolings."""
    return ((size - 4) // 2 - 4) // 2
