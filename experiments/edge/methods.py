"""What each kind of compression does to the latency of a net, which does not depend on training: weights are random here.

    python experiments/edge/methods.py [--seconds 10] [--nets LeNet-5 ResNet-20]

Batch 1, one thread, ONNX Runtime; the forms of each net in turn. Prints Markdown.
"""

import argparse
import copy
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import torch
from torch import nn

from lightexp.artifact import encode
from lightexp.data import split
from lightexp.edge import compare, export
from lightexp.edge.contender import OnnxNet
from lightexp.edge.machine import processor
from lightexp.models import LeNet5, ResNet, build, net_spec, torchvision_net
from lightexp.quantize import LayerWeight, Uniform
from lightexp.quantize.activations import ActivationQuantizer, UniformActivation
from lightexp.reparam import layers, mask_of, set_mask, set_quantizer
from lightexp.stages import Context, QuantizeActivations
from lightexp.surgery import surgery_of

NETS = {
    "LeNet-5": (LeNet5, (1, 28, 28)),
    "ResNet-20": (ResNet, (3, 32, 32)),
    "ResNet-18": (partial(torchvision_net, name="resnet18"), (3, 224, 224)),
    "MobileNetV2": (partial(torchvision_net, name="mobilenet_v2"), (3, 224, 224)),
}
Shape = tuple[int, ...]


def zeros(net: nn.Module, shape: Shape) -> None:
    for layer in layers(net).values():
        set_mask(layer, torch.rand_like(layer.weight) < 0.05)


@torch.no_grad()
def filters(net: nn.Module, shape: Shape) -> None:
    """Every second filter and unit of 0, but for the classes."""
    for layer in list(layers(net).values())[:-1]:
        layer.weight[::2] = 0
        if layer.bias is not None:
            layer.bias[::2] = 0


def weights(net: nn.Module, shape: Shape) -> None:
    for name, layer in layers(net).items():
        given = {name: LayerWeight(layer.weight.detach(), mask_of(layer))}
        set_quantizer(layer, Uniform(8, "channel").fit(given, 0, None)[name])


def inputs(net: nn.Module, shape: Shape, skip: tuple[str, ...] | None = (), sums: ActivationQuantizer | None = None) -> None:
    """With the ranges that normal pictures give: behind a ReLU the lowest integer is 0, which a runtime takes the ReLU for."""
    weights(net, shape)
    pictures = np.random.default_rng(0).standard_normal((34, *shape), dtype=np.float32)
    data = split("noise", pictures[:32], np.arange(32) % 2, pictures[32:], np.arange(2), validation=0.1)
    QuantizeActivations(UniformActivation(), skip=skip, sums=sums)(net, Context(data, seed=0))


FORMS: dict[str, tuple[Callable[[nn.Module, Shape], None], str]] = {
    "float32": (lambda net, shape: None, "float32"),
    "95 % zeros": (zeros, "float32"),
    "half of the filters zero": (filters, "float32"),
    "weights of 8 bits": (weights, "int8"),
    "weights and inputs of 8 bits, but the picture": (lambda net, shape: inputs(net, shape, None), "int8"),
    "weights and inputs of 8 bits": (inputs, "int8"),
    "weights, inputs and sums of 8 bits": (lambda net, shape: inputs(net, shape, sums=UniformActivation()), "int8"),
}


def contender(name: str, form: str, folder: Path) -> OnnxNet:
    (factory, shape), (prepare, precision) = NETS[name], FORMS[form]
    torch.manual_seed(0)
    net = copy.deepcopy(build(factory, shape, 10)).eval()
    prepare(net, shape)
    header = {"model": net_spec(factory, shape, 10, surgery_of(net)), "data": "none", "mean": [0.0], "std": [1.0]}
    file = folder / "net.lxp"
    file.write_bytes(encode(net, header))
    return OnnxNet(name, form, shape, export(file, precision).content)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--nets", nargs="+", choices=NETS, default=list(NETS)[:2], metavar="NET", help=", ".join(NETS))
    options = parser.parse_args()
    print("| net | form | ONNX kB | p50 ms | × float |\n|---|---|---|---|---|")
    for name in options.nets:
        with tempfile.TemporaryDirectory() as folder:
            nets = [contender(name, form, Path(folder)) for form in FORMS]
        for row in compare(nets, [0] * len(nets), [1], [1], options.seconds):
            print(f"| {name} | {row.form} | {row.size_bytes / 1e3:,.0f} | {row.p50_ms:.3f} | {row.of_base:.2f} |", flush=True)
    print(f"\n{processor()}")


if __name__ == "__main__":
    main()
