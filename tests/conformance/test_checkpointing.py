"""Every net, quantizer, activation and loss trains in segments to the very bits."""

import torch
from torch import nn

from lightexp.errors import ConfigError
from lightexp.models import build
from lightexp.stages import Context, QuantizeActivations
from tests.conformance.test_compression import quantized
from tests.test_checkpointing import trained


def check(net: nn.Module, inputs: torch.Tensor) -> None:
    assert trained(net, "sqrt", inputs, steps=2) == trained(net, None, inputs, steps=2)


def test_a_net(model):
    for input_shape in ((1, 28, 28), (3, 32, 32)):
        torch.manual_seed(0)
        try:
            net = build(model, input_shape, 3)
        except ConfigError:
            continue
        check(net, torch.randn(4, *input_shape))


def test_quantized_weights(quantizer, net, digits):
    check(quantized(net, quantizer, digits), digits.batch(digits.train, torch.arange(16))[0])


def test_quantized_activations(activation, net, digits):
    QuantizeActivations(activation, batches=1, skip=())(net, Context(digits, seed=1))
    check(net, digits.batch(digits.train, torch.arange(16))[0])
