"""Nets, and the one way in which lightexp builds them: from a config, and from the description kept with their weights.

A net is any `torch.nn.Module` class or function that returns one; those here are the usual ones of the compression papers.
"""

from lightexp.models.batch_norm_mlp import BatchNormMLP
from lightexp.models.build import build, from_spec, net_spec
from lightexp.models.lenet5 import LeNet5
from lightexp.models.mlp import MLP
from lightexp.models.resnet import ResNet
from lightexp.models.simplenet import SimpleNet
from lightexp.models.torchvision_nets import torchvision_net
from lightexp.models.vgg_small import VGGSmall

__all__ = [
    "MLP",
    "BatchNormMLP",
    "LeNet5",
    "ResNet",
    "SimpleNet",
    "VGGSmall",
    "build",
    "from_spec",
    "net_spec",
    "torchvision_net",
]
