"""The nets that tests of slimming cut, and what they share."""

import copy
from functools import partial

import torch
from torch import nn

from lightexp.data import Splits
from lightexp.models import MLP, BatchNormMLP, LeNet5, ResNet, SimpleNet, VGGSmall, build, torchvision_net
from lightexp.stages import Context, Slim

NETS = {
    "lenet5": (LeNet5, (1, 16, 16)),
    "vgg_small": (VGGSmall, (1, 8, 8)),
    "simplenet": (SimpleNet, (3, 8, 8)),
    "mlp": (partial(MLP, widths=[12, 9]), (1, 8, 8)),
    "bn_mlp": (partial(BatchNormMLP, widths=[12, 9]), (1, 8, 8)),
    "resnet20": (partial(ResNet, depth=20), (3, 8, 8)),
    "resnet18": (partial(torchvision_net, name="resnet18"), (3, 32, 32)),
    "mobilenet_v2": (partial(torchvision_net, name="mobilenet_v2"), (3, 32, 32)),
}


def fresh(name: str, seed: int = 0) -> nn.Module:
    torch.manual_seed(seed)
    net = build(NETS[name][0], NETS[name][1], 10).eval()
    for module in net.modules():  # so that they do more than pass on what they get
        if isinstance(module, nn.modules.batchnorm._BatchNorm):
            nn.init.uniform_(module.weight, 0.5, 1.5)
            nn.init.normal_(module.bias)
            nn.init.normal_(module.running_mean)
    return net


def inputs(shape: tuple[int, ...]) -> torch.Tensor:
    return torch.randn(3, *shape, generator=torch.Generator().manual_seed(0))


def slimmed(stage: Slim, net: nn.Module, data: Splits) -> nn.Module:
    dense = copy.deepcopy(net)
    return stage(net, Context(data, seed=1, fresh=lambda: copy.deepcopy(dense)))
