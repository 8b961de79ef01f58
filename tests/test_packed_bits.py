"""A bit-packed layer takes the bits that its quantizer states."""

from functools import partial

import pytest
import torch

from lightexp.artifact import BitPacking, decode, encode, parse
from lightexp.artifact.bit_packing import levels
from lightexp.models import MLP, build, net_spec
from lightexp.quantize import BWN, LSQ, TWN, Affine, BinaryBases, DoReFa, KMeans, LayerWeight, Uniform
from lightexp.reparam import codes_of, layers, mask_of, set_mask, set_quantizer

NET = partial(MLP, widths=[40])
QUANTIZERS = [BWN(), TWN(), LSQ(2), LSQ(4), DoReFa(1), DoReFa(3), BinaryBases(3), KMeans(16), KMeans(8), Affine(3), Uniform(5)]


@pytest.mark.parametrize("pruned", [False, True])
@pytest.mark.parametrize("quantizer", QUANTIZERS, ids=str)
def test_the_bytes_are_the_nominal_bits(quantizer, pruned):
    torch.manual_seed(0)
    net = build(NET, (1, 8, 8), 10)
    for layer in layers(net).values() if pruned else ():
        set_mask(layer, torch.rand(layer.weight.shape) < 0.5)
    found = {name: LayerWeight(layer.weight.detach(), mask_of(layer)) for name, layer in layers(net).items()}
    for name, parametrization in quantizer.fit(found, 0, None).items():
        set_quantizer(layers(net)[name], parametrization)
    nominal = sum(-(-layer.weight.numel() * int(codes_of(layer).bits) // 8) for layer in layers(net).values())
    data = encode(net, {"model": net_spec(NET, (1, 8, 8), 10), "data": "", "mean": [], "std": []}, BitPacking())
    size = parse(data).bytes_of
    assert size["positions"] + size["values"] <= nominal + 12  # the levels of two layers, and their counts
    decoded = decode(data)
    assert all(torch.equal(layer.weight, layers(decoded)[name].weight) for name, layer in layers(net).items())


def test_levels_by_hand():
    assert levels(torch.tensor([-3, 1, 3]).numpy()) == (-3, 2, 3)
    assert levels(torch.tensor([5, 5]).numpy()) == (5, 1, 0)
    assert levels(torch.tensor([0, -1, 7]).numpy()) == (-1, 1, 8)
