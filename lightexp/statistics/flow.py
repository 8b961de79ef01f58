"""What flows through a net from its inputs to its outputs, when nothing can cancel."""

import copy

import torch
from torch import Tensor, nn

from lightexp.reparam import strip
from lightexp.surgery import Addition

TINY = 2.0**-200


def absolute_flow(model: nn.Module, shape: tuple[int, ...], device: torch.device) -> tuple[nn.Module, Tensor]:
    """A float64 copy of the net whose parameters are absolute, and R / `TINY`: the sum R of what it answers to inputs of `TINY`.

    Biases are as many times smaller, so that R is that of ones but no activation saturates. No running mean takes away from it
    and no input is quantized.
    """
    net = strip(copy.deepcopy(model)).double()
    for module in list(net.modules()):
        for name, child in module.named_children():
            if isinstance(getattr(child, "edit", None), Addition):
                module.set_submodule(name, nn.Identity())
        for name, tensor in module.named_parameters(recurse=False):
            tensor.detach().abs_().mul_(TINY if name.endswith("bias") else 1.0)
            tensor.requires_grad_()
        for name, tensor in module.named_buffers(recurse=False):
            if tensor.is_floating_point():
                tensor.abs_().mul_(0.0 if name == "running_mean" else 1.0)
    with torch.enable_grad():
        answer = net(torch.full((1, *shape), TINY, dtype=torch.float64, device=device))
        return net, answer.sum() / TINY
