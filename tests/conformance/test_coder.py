"""What every coder keeps to."""

import functools

import pytest
import torch
from torch import nn

from lightexp.artifact import decode, encode, parse
from lightexp.models import MLP, net_spec
from lightexp.reparam import Scaled, layers, set_mask, set_quantizer
from tests.normed import bits as bits_of

HEADER = {"model": net_spec(functools.partial(MLP, widths=[20]), (1, 8, 8), 10), "data": "digits", "mean": [0.0], "std": [1.0]}


def weights(net: nn.Module) -> dict[str, bytes]:
    return bits_of({name: layer.weight for name, layer in layers(net).items()})


@pytest.mark.parametrize("bits", [1, 4, 12])
def test_a_coder_gives_back_every_number_and_says_what_it_should_cost(coder, bits, net):
    random = torch.Generator().manual_seed(0)
    for at, layer in enumerate(layers(net).values()):
        largest = max(1, 2 ** (bits - 1) - 1)
        set_quantizer(layer, Scaled(torch.tensor([layer.weight.abs().max().item() / largest]), bits=max(2, bits)))
        if at:
            set_mask(layer, torch.rand(layer.weight.shape, generator=random) < 0.1)
    data = encode(net, HEADER, coder)
    assert data == encode(net, HEADER, coder)
    assert weights(decode(data)) == weights(net)
    parsed = parse(data)
    assert parsed.coder == coder
    ideal = sum(map(sum, parsed.ideal_bytes()))
    assert 0 < ideal < parsed.bytes_of["positions"] + parsed.bytes_of["values"]
