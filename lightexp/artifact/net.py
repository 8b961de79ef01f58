"""From a net to the file and back, bit for bit."""

from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from lightexp.artifact.alphabet import Floats, Lookups, Steps
from lightexp.artifact.binary import varints
from lightexp.artifact.coder import Coder, Numbered
from lightexp.artifact.container import KINDS, Parsed, faults_of, pack, pack_tables, parse, read
from lightexp.artifact.layer import Layer
from lightexp.artifact.range import Range
from lightexp.artifact.rest import check_rest, pack_rest, unpack_rest
from lightexp.errors import ArtifactError
from lightexp.models import from_spec
from lightexp.reparam import WeightCode, codes_of, latent, layers

DEFAULT = Range()


@torch.no_grad()
def encode(model: nn.Module, header: dict[str, Any], coder: Coder = DEFAULT) -> bytes:
    """Write a net: quantized layers by their quantizer's own integers, pruned ones sparse, other matrices raw.

    Args:
        model: with or without masks and quantizers.
        header: JSON data; its `model` is what `lightexp.models.from_spec` needs to build the same net again.
    """
    tables = _Tables()
    found = (_numbered(name, module, tables) for name, module in layers(model).items())
    coded = [(layer, numbers) for layer, numbers in found if layer.kind != "sparse" or layer.nonzero < layer.size]
    entries = [[la.name, list(la.shape), KINDS.index(la.kind), la.bits, la.table] for la, _ in coded]
    sizes = [layer.alphabet.size // 2 for layer, _ in coded if layer.kind == "steps"]
    positions, values = coder.encode(coded)
    names = {layer.name for layer, _ in coded}
    params = sum(parameter.numel() for parameter in _plain_parameters(model))
    return pack(
        header | {"layers": entries, "params": params},
        coder,
        {
            "positions": varints(layer.nonzero for layer, _ in coded) + positions,
            "values": varints(sizes) + values,
            "tables": pack_tables(tables.found),
            "dense": pack_rest(_rest(model, names)),
        },
    )


def decode(data: bytes, net: Any = None, trust: bool = False) -> nn.Module:
    """Build the net that a file names, in a fresh plain module in evaluation mode, and fill it with the decoded weights.

    Args:
        net: the class (or a factory) to build a net that is neither lightexp's nor torchvision's.
        trust: import that class by the name in the file instead. This runs its author's code.

    Raises:
        ArtifactError: the file is damaged, or its net is unknown, or does not have the shapes in the file.
    """
    parsed = parse(data)
    try:
        return _fill(parsed, net or trust)
    except (ValueError, TypeError, KeyError, IndexError, OverflowError, MemoryError, RuntimeError) as error:
        raise ArtifactError(f"its content makes no sense ({type(error).__name__}: {error})") from error


def load(path: str | Path, net: Any = None, trust: bool = False) -> nn.Module:
    """`decode` a file; see there. Its inputs are normalised by the `mean` and `std` in the file's header.

    Example:
        >>> net = lightexp.load("model.lxp")
    """
    data = read(path)
    with faults_of(path):
        return decode(data, net, trust)


def _numbered(name: str, module: nn.Module, tables: "_Tables") -> Numbered:
    """A layer as the file describes it, and its numbers, in as few bytes as hold them."""
    code = codes_of(module)
    if code is None:
        numbers, alphabet, kind, bits, table = module.weight.detach().float().cpu().numpy(), Floats(), "sparse", 32, 0
    else:
        numbers, entries = code.codes.cpu().numpy(), code.table.detach().float().cpu().numpy()
        largest = max(int(numbers.max()), -int(numbers.min()))
        numbers = numbers.astype(np.min_scalar_type(-largest - 1))
        alphabet, kind = (Lookups(entries), "lookup") if code.is_lookup else (Steps(largest), "steps")
        bits, table = int(code.bits) if code.bits == int(code.bits) else float(code.bits), tables.index(entries)
    numbers = np.ascontiguousarray(numbers.reshape(len(numbers), -1))
    nonzero = int(np.count_nonzero(alphabet.marks(numbers)))
    return Layer(name, tuple(latent(module).shape), kind, bits, table, nonzero, alphabet), numbers


def _plain_parameters(model: nn.Module) -> list[Tensor]:
    own = [tensor for name, tensor in model.named_parameters() if ".parametrizations." not in name]
    return own + [latent(module) for module in layers(model).values() if hasattr(module, "parametrizations")]


def _rest(model: nn.Module, coded: set[str]) -> dict[str, Tensor]:
    state = {name: tensor for name, tensor in model.state_dict().items() if ".parametrizations." not in name}
    state |= {f"{name}.weight": module.weight.detach() for name, module in layers(model).items() if name not in coded}
    return {name: tensor for name, tensor in state.items() if name.removesuffix(".weight") not in coded}


class _Tables:
    """The distinct tables of a file, and where each layer's stands."""

    def __init__(self) -> None:
        self.found: list[np.ndarray] = []

    def index(self, table: np.ndarray) -> int:
        for at, known in enumerate(self.found):
            if known.tobytes() == table.tobytes():
                return at
        self.found.append(table)
        return len(self.found) - 1


def _fill(parsed: Parsed, trusted: Any) -> nn.Module:
    expected = {name: tensor for name, tensor in from_spec(parsed.header["model"], trusted, device="meta").state_dict().items()}
    for layer in parsed.layers:
        if f"{layer.name}.weight" not in expected or tuple(expected[f"{layer.name}.weight"].shape) != layer.shape:
            raise ArtifactError(f"the net it names has no weight {layer.name}.weight of shape {list(layer.shape)}")
    coded = {f"{layer.name}.weight" for layer in parsed.layers}
    rest = {name: tensor for name, tensor in expected.items() if name not in coded}
    check_rest(parsed.dense, rest)
    model = from_spec(parsed.header["model"], trusted)
    state = model.state_dict()
    # Layer by layer into the net's own memory: all of them at once would take as much again.
    for layer, numbers in zip(parsed.layers, parsed.numbers(), strict=True):
        state[f"{layer.name}.weight"].copy_(_weight(layer, numbers, parsed.tables))
    for name, value in unpack_rest(parsed.dense, rest).items():
        state[name].copy_(value)
    return model.eval()


def _weight(layer: Layer, numbers: np.ndarray, tables: list[np.ndarray]) -> Tensor:
    numbers = torch.from_numpy(numbers).reshape(layer.shape)
    if layer.kind == "sparse":
        return numbers
    return WeightCode(numbers, torch.from_numpy(tables[layer.table].copy()), layer.kind == "lookup", layer.bits).decode()
