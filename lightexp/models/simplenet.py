"""A small convolutional net for quick experiments."""

import torch.nn.functional as F
from torch import Tensor, nn

from lightexp.models.shapes import image_shape


class SimpleNet(nn.Module):
    """Two convolutions and two fully connected layers: a baseline for quick trials.

    Takes (N, C, H, W) of 4×4 pixels or more and gives (N, classes): two padded 3×3 convolutions of 64 filters, each with
    ReLU and max-pooled by 2, then 128 hidden units. 564,426 parameters on 3×32×32 with 10 classes. It follows no paper.
    """

    def __init__(self, input_shape: tuple[int, ...], classes: int):
        super().__init__()
        channels, height, width = image_shape("SimpleNet", input_shape, smallest=4)
        self.conv1 = nn.Conv2d(channels, 64, 3, padding=1)
        self.conv2 = nn.Conv2d(64, 64, 3, padding=1)
        self.fc1 = nn.Linear(64 * (height // 4) * (width // 4), 128)
        self.fc2 = nn.Linear(128, classes)

    def forward(self, x: Tensor) -> Tensor:
        x = F.max_pool2d(F.relu(self.conv1(x)), 2)
        x = F.max_pool2d(F.relu(self.conv2(x)), 2)
        x = F.relu(self.fc1(x.flatten(1)))
        return self.fc2(x)
