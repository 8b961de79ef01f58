"""The forms of a file that are measured against one another."""

import copy
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import torch
from torch import nn

from lightexp.artifact import Parsed, load, parse_file, read
from lightexp.edge.contender import Contender, OnnxNet, TorchNet
from lightexp.edge.dynamic import dynamic_int8
from lightexp.edge.export import float_of, int8_of, onnx_of
from lightexp.edge.session import input_shape
from lightexp.edge.weights import int8_weights
from lightexp.errors import ConfigError
from lightexp.models import build
from lightexp.models.build import factory_of
from lightexp.surgery import QuantizedInput

Runtime = Literal["onnx", "torch"]
DENSE = "dense float32"
"""The net of a file as it was before any surgery, with weights of no training: they do not matter to its latency."""


def forms_of_files(files: Sequence[Path], runtime: Runtime = "onnx", trust: bool = False) -> tuple[list[Contender], list[int]]:
    """What is to be measured of each file, and the place of what each of these is compared with.

    Of a .lxp its dense float original, which is the base of its ratios and serves all files of the same net; its float form; and
    in ONNX Runtime its int8 form, where it has one, and the dynamic quantization of its weights. An .onnx file is taken as it
    is and compared with what comes first.

    Raises:
        ArtifactError, ConfigError: a file that cannot be read, exported or run.
    """
    found: list[Contender] = []
    bases: list[int] = []
    originals: dict[str, int] = {}
    for file in files:
        if file.suffix == ".onnx":
            found.append(_given(file, runtime))
            bases.append(0)
            continue
        net, parsed = load(file, trust=trust), parse_file(file)
        spec = {name: value for name, value in parsed.header["model"].items() if name != "surgery"}
        if str(spec) not in originals:
            originals[str(spec)] = len(found)
            found.append(dense(spec, runtime, trust))
            bases.append(len(found) - 1)
        made = [TorchNet(str(file), "float32", shape_of(spec), net)] if runtime == "torch" else forms(str(file), net, parsed)
        found += made
        bases += [originals[str(spec)]] * len(made)
    return found, bases


def dense(spec: dict[str, Any], runtime: Runtime = "onnx", trust: Any = False) -> Contender:
    """The original of the net that a spec without surgery describes."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        net = build(factory_of(spec, trust), shape_of(spec), spec["classes"]).eval()
    name = spec["net"].rpartition(".")[2]
    if runtime == "torch":
        return TorchNet(name, DENSE, shape_of(spec), net)
    return OnnxNet(name, DENSE, shape_of(spec), onnx_of(net, shape_of(spec))[0])


def forms(name: str, net: nn.Module, parsed: Parsed) -> list[Contender]:
    """The ONNX forms of a decoded net: float32, int8 where its file has integers of 8 bits, dynamic int8."""
    shape = shape_of(parsed.header["model"])
    made = [OnnxNet(name, "float32", shape, float_of(copy.deepcopy(net), parsed).content)]
    if int8_weights(parsed)[0]:
        made.append(int8_form(name, net, parsed))
    return [*made, OnnxNet(name, "dynamic int8", shape, dynamic_int8(onnx_of(_unrounded(net), shape)[0]))]


def int8_form(name: str, net: nn.Module, parsed: Parsed) -> OnnxNet:
    """The int8 form; where no layer takes integers it is of the weights alone, and so called."""
    exported = int8_of(copy.deepcopy(net), parsed, name)
    form = "int8" if exported.integer_layers else "int8 weights"
    return OnnxNet(name, form, shape_of(parsed.header["model"]), exported.content)


def shape_of(spec: dict[str, Any]) -> tuple[int, ...]:
    return tuple(spec["input_shape"])


def _given(file: Path, runtime: Runtime) -> OnnxNet:
    if runtime == "torch":
        raise ConfigError(f"{file} is of ONNX, which torch does not run: leave --runtime torch out, or give the .lxp")
    content = read(file)
    return OnnxNet(str(file), "onnx", input_shape(content, str(file)), content)


def _unrounded(net: nn.Module) -> nn.Module:
    """A copy without the quantizers of inputs: dynamic quantization rounds them in its own way."""
    plain = copy.deepcopy(net)
    for part in list(plain.modules()):
        if hasattr(part, QuantizedInput.attribute):
            setattr(part, QuantizedInput.attribute, nn.Identity())
    return plain
