"""From a net to the file and back, bit for bit."""

from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from lightexp.artifact.binary import Reader, unzigzag, varint, varints, zigzag
from lightexp.artifact.coder import Decoder, Encoder, write_histogram
from lightexp.artifact.container import KINDS, Layer, Parsed, pack, pack_tables, parse, read
from lightexp.errors import ArtifactError
from lightexp.models import from_spec
from lightexp.reparam import WeightCode, codes_of, layers


def encode(model: nn.Module, header: dict[str, Any]) -> bytes:
    """Write a net: quantized layers by their quantizer's own integers, pruned ones sparse, the rest raw.

    Args:
        model: with or without masks and quantizers.
        header: JSON data; its `model` is what `lightexp.models.from_spec` needs to build the same net again.
    """
    found = {name: (_weight(module), codes_of(module)) for name, module in layers(model).items()}
    coded = {name: (w, code) for name, (w, code) in found.items() if code is not None or bool((w == 0).any())}
    tables = _Tables()
    entries, positions, values = [], b"", b""
    where, what, raw = Encoder(), Encoder(), b""
    for name, (weight, code) in coded.items():
        entry = [name, list(weight.shape), KINDS.index(_kind(code)), int(code.bits) if code else 32, tables.index(code)]
        numbers = weight.reshape(-1) if code is None else code.codes.cpu().numpy().reshape(-1)
        # The sign of a negative zero is part of the weight's bits.
        alive = (numbers != 0) | np.signbit(numbers) if code is None else numbers != 0
        entries.append(entry)
        positions += varint(int(alive.sum()))
        where.bits(alive)
        if code is None:
            raw += numbers[alive].astype("<f4").tobytes()
        else:
            histogram, levels, counts = write_histogram(numbers[alive])
            values += histogram
            what.symbols(np.searchsorted(levels, numbers[alive]), counts)
    params = sum(parameter.numel() for parameter in _plain_parameters(model))
    return pack(
        header | {"layers": entries, "params": params},
        {
            "positions": positions + where.finish(),
            "values": values + varint(len(raw)) + raw + what.finish(),
            "tables": pack_tables(tables.found),
            "dense": b"".join(_dense(tensor) for _, tensor in sorted(_rest(model, coded).items())),
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
    try:
        return decode(read(path), net, trust)
    except ArtifactError as error:
        raise ArtifactError(f"{path}: {error}") from error


def _kind(code: WeightCode | None) -> str:
    return "sparse" if code is None else "lookup" if code.is_lookup else "steps"


def _weight(module: nn.Module) -> np.ndarray:
    return module.weight.detach().float().cpu().numpy()


def _plain_parameters(model: nn.Module) -> list[Tensor]:
    own = [tensor for name, tensor in model.named_parameters() if ".parametrizations." not in name]
    return own + [module.weight for module in layers(model).values() if hasattr(module, "parametrizations")]


def _rest(model: nn.Module, coded: dict[str, Any]) -> dict[str, Tensor]:
    state = {name: tensor for name, tensor in model.state_dict().items() if ".parametrizations." not in name}
    state |= {f"{name}.weight": module.weight.detach() for name, module in layers(model).items()}
    return {name: tensor for name, tensor in state.items() if name.removesuffix(".weight") not in coded}


class _Tables:
    """The distinct tables of a file, and where each layer's stands."""

    def __init__(self) -> None:
        self.found: list[np.ndarray] = []

    def index(self, code: WeightCode | None) -> int:
        if code is None:
            return 0
        table = code.table.detach().cpu().numpy()
        for at, known in enumerate(self.found):
            if known.tobytes() == table.tobytes():
                return at
        self.found.append(table)
        return len(self.found) - 1


def _dense(tensor: Tensor) -> bytes:
    array = tensor.detach().cpu().contiguous()
    if array.dtype == torch.float32:
        return array.numpy().astype("<f4").tobytes()
    if array.is_floating_point() or array.is_complex():
        raise ArtifactError(f"a tensor of {array.dtype} cannot be written: only float32 and integers can")
    return varints(zigzag(value) for value in array.reshape(-1).tolist())


def _fill(parsed: Parsed, trusted: Any) -> nn.Module:
    expected = {name: tensor for name, tensor in from_spec(parsed.header["model"], trusted, device="meta").state_dict().items()}
    for layer in parsed.layers:
        if f"{layer.name}.weight" not in expected or tuple(expected[f"{layer.name}.weight"].shape) != layer.shape:
            raise ArtifactError(f"the net it names has no weight {layer.name}.weight of shape {list(layer.shape)}")
    coded = {f"{layer.name}.weight" for layer in parsed.layers}
    rest = {name: tensor for name, tensor in sorted(expected.items()) if name not in coded}
    needed = sum(tensor.numel() * (4 if tensor.is_floating_point() else 1) for tensor in rest.values())
    if needed > len(parsed.dense):
        raise ArtifactError("the net it names has more weights than the file")
    reader = Reader(parsed.dense)
    state = _weights(parsed) | {name: _read_dense(reader, tensor) for name, tensor in rest.items()}
    if reader.rest():
        raise ArtifactError("the net it names has fewer weights than the file")
    model = from_spec(parsed.header["model"], trusted)
    model.load_state_dict(state)
    return model.eval()


def _read_dense(reader: Reader, like: Tensor) -> Tensor:
    if like.is_floating_point():
        values = np.frombuffer(reader.take(4 * like.numel()), "<f4").copy()
        return torch.from_numpy(values).reshape(like.shape)
    return torch.tensor([unzigzag(reader.varint()) for _ in range(like.numel())], dtype=like.dtype).reshape(like.shape)


def _weights(parsed: Parsed) -> dict[str, Tensor]:
    values = Reader(parsed.values)
    raw = Reader(values.take(values.varint()))
    where, what = Decoder(parsed.positions), Decoder(values.rest())
    return {f"{layer.name}.weight": _decode_layer(layer, parsed, where, what, raw) for layer in parsed.layers}


def _decode_layer(layer: Layer, parsed: Parsed, where: Decoder, what: Decoder, raw: Reader) -> Tensor:
    alive = where.bits(layer.nonzero, layer.size)
    if layer.kind == "sparse":
        weight = np.zeros(layer.size, np.float32)
        weight[alive] = np.frombuffer(raw.take(4 * layer.nonzero), "<f4")
        return torch.from_numpy(weight).reshape(layer.shape)
    codes = np.zeros(layer.size, np.int32)
    codes[alive] = layer.levels[what.symbols(layer.counts)]
    table = torch.from_numpy(parsed.tables[layer.table].copy())
    return WeightCode(torch.from_numpy(codes).reshape(layer.shape), table, layer.kind == "lookup", layer.bits).decode()
