"""The header: what a file says of its net, in as few bytes as JSON can be deflated to."""

import json
import zlib
from collections.abc import Iterable
from itertools import pairwise
from math import prod
from typing import Any

from lightexp.errors import ArtifactError

LONGEST = 2**20


def _dictionary() -> bytes:
    """Text that headers are made of, the most likely last. Part of the format: a change to it is a new version."""
    names = [f'"{part}.{at}"' for part in ("features", "classifier") for at in range(44)]
    names += [
        f'"layer{stage}.{block}.{part}"'
        for stage in range(1, 5)
        for block in range(3)
        for part in ("conv1", "conv2", "conv3", "downsample.0")
    ]
    names += [f'"layer{stage}.{block}.{part}"' for stage in range(1, 5) for block in range(2) for part in ("conv1", "conv2")]
    names += [f'"blocks.{block}.conv{which}"' for block in range(27) for which in (1, 2)]
    layers = '["conv","classifier"],["conv1","conv2","fc1","fc2"],["layers.0","layers.1","layers.2"]'
    widths = (512, 256, 128, 64, 32, 16)
    shapes = ",".join(f"[{after},-1,3,3],[{after},-1,3,3]" for after in widths) + ",[16,3,3,3],[16,1,3,3]"
    values = '"depth":20,"name":"resnet18","fashion_mnist","cifar100","cifar10","digits","dropout":0.0,"input_dropout":0.0,'
    nets = "".join(f"lightexp.models.{net}" for net in ("torchvision_net", "VGGSmall", "SimpleNet", "ResNet", "LeNet5", "MLP"))
    lenet5 = (
        '{"data":"mnist","layers":[["conv1","conv2","fc1","fc2"],[[20,1,5,5],[50,-1,5,5],[500,-16],[10,-1]],2,3,0],'
        '"mean":[0.1306],"model":{"args":{},"classes":10,"input_shape":[1,28,28],"net":"lightexp.models.LeNet5",'
        '"surgery":[{"edit":"Widths","layer":"","sizes":"layers"}]},"params":0,"std":[0.3081]}'
    )
    end = (
        '{"data":"mnist","layers":[["layers.0","layers.1","layers.2"],[[300,784],[100,-1],[10,-1]],2,3,0],'
        '"mean":[0.1306],"model":{"args":{"dropout":0.0,"input_dropout":0.0,"widths":[300,100]},'
        '"classes":10,"input_shape":[1,28,28],"net":"lightexp.models.MLP"},"params":0,"std":[0.3081]}'
    )
    return (",".join(names) + shapes + layers + values + "[3,32,32]" + nets + lenet5 + end).encode()


DICTIONARY = _dictionary()


def pack_header(header: dict[str, Any]) -> bytes:
    """Deflate what is left to say of a header once each thing is said in one place."""
    deflate = zlib.compressobj(9, zlib.DEFLATED, -15, 9, zdict=DICTIONARY)
    text = json.dumps(stored(header), sort_keys=True, separators=(",", ":"))
    return deflate.compress(text.encode()) + deflate.flush()


def stored(header: dict[str, Any]) -> dict[str, Any]:
    """The header as its file has it.

    Its `layers` (name, shape, kind, bits, table) stand by column, where like is beside like: a column of equal entries as one of
    them, inputs that the layer before makes as minus how many times its outputs they are, and tables by their distance from the
    layer's own number. `params` are those beyond the layers' weights and one bias for each output, and the sizes of an edit that
    the shapes tell as well are left to these.
    """
    shapes = [shape for _, shape, *_ in header["layers"]]
    rows = [[*entry, at - table] for at, (*entry, table) in enumerate(header["layers"])]
    names, _, *rest = [list(column) for column in zip(*rows, strict=True)] or [[], []]
    columns = [names, _by_outputs(shapes), *(column[0] if len(set(column)) == 1 else column for column in rest)]
    told = _with_sizes(header, _chain(shapes), "layers")
    return told | {"layers": columns, "params": header["params"] - _expected(shapes)}


def read_header(packed: bytes) -> dict[str, Any]:
    """What `pack_header` was given.

    Raises:
        ArtifactError: it is damaged, no mapping, or too long to be one.
    """
    inflate = zlib.decompressobj(-15, zdict=DICTIONARY)
    text = inflate.decompress(packed, LONGEST)
    if inflate.unconsumed_tail or not inflate.eof:
        raise ArtifactError("its header is damaged or longer than 1 MiB")
    header = json.loads(text)
    if not isinstance(header, dict):
        raise ArtifactError("its header is not a mapping")
    names, shapes, *columns = header["layers"]
    shapes = _by_number(shapes)
    told = _with_sizes(header, "layers", _chain(shapes))
    return told | {"layers": _rows(names, shapes, *columns), "params": header["params"] + _expected(shapes)}


def _by_outputs(shapes: list[list[int]]) -> list[list[int]]:
    """Shapes with the inputs of a layer, where they are a multiple of the outputs of the one before, as minus that multiple."""
    befores = [0, *(shape[0] for shape in shapes)]
    return [
        [outputs, -(inputs // before) if before and inputs % before == 0 else inputs, *kernel]
        for before, (outputs, inputs, *kernel) in zip(befores, shapes, strict=False)
    ]


def _by_number(shapes: list[list[int]]) -> list[list[int]]:
    """What `_by_outputs` was given."""
    befores = [0, *(shape[0] for shape in shapes)]
    return [
        [outputs, -inputs * before if inputs < 0 else inputs, *kernel]
        for before, (outputs, inputs, *kernel) in zip(befores, shapes, strict=False)
    ]


def _expected(shapes: list[list[int]]) -> int:
    """How many parameters layers of these shapes have if each output has a bias."""
    return sum(prod(shape) + shape[0] for shape in shapes)


def _chain(shapes: Iterable[list[int]]) -> list[int]:
    """The sizes of `lightexp.surgery.Widths`, if the layers of these shapes are all that has any."""
    sides = [0, *(side for shape in shapes for side in shape[1::-1])]
    return [after - before for before, after in pairwise(sides)]


def _with_sizes(header: dict[str, Any], known: Any, other: Any) -> dict[str, Any]:
    """The header, with the `other` sizes in edits whose sizes are the `known` ones."""
    if not (header.get("model") or {}).get("surgery"):
        return header
    edits = json.loads(json.dumps(header["model"]["surgery"]))  # lists, whether it was read or is yet to be written
    edits = [edit | {"sizes": other} if edit.get("sizes") == known else edit for edit in edits]
    return header | {"model": header["model"] | {"surgery": edits}}


def _rows(names: list, shapes: list, *columns: Any) -> list[list]:
    whole = [column if isinstance(column, list) else [column] * len(names) for column in columns]
    rows = zip(names, shapes, *whole, strict=True)
    return [[*entry, at - relative] for at, (*entry, relative) in enumerate(rows)]
