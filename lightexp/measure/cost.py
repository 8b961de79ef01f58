"""What a net costs to run, counted."""

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from lightexp.reparam import layers


def layer_macs(model: nn.Module, input_shape: tuple[int, ...]) -> dict[str, int]:
    """Multiply-accumulates of each linear layer and convolution for one input, by torch's flop counter (2 flops a MAC)."""
    training = model.training
    model.eval()
    device = next(model.parameters()).device
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        model(torch.zeros(1, *input_shape, device=device))
    model.train(training)
    flops = {path.partition(".")[2]: sum(by_op.values()) for path, by_op in counter.get_flop_counts().items()}
    return {name: flops.get(name, 0) // 2 for name in layers(model)}
