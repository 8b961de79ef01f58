"""`lightexp inspect`: a look into a file, without torch."""

import json
from pathlib import Path
from typing import Any

import numpy as np

from lightexp.artifact import Parsed, faults_of, parse_file


def show(file: Path, as_json: bool) -> None:
    parsed = parse_file(file)
    with faults_of(file):
        found = contents(parsed)
    if as_json:
        print(json.dumps(found, indent=1))
    else:
        _print(found, file)


def contents(parsed: Parsed) -> dict[str, Any]:
    """All that a file says of itself: the net, its data, bytes by section, and each coded layer.

    ideal_bytes: of positions and values, the code length under the model of the file's coder; of the rest, what it takes.
    """
    total = sum(parsed.bytes_of.values())
    params = parsed.header["params"]
    ideal, distinct = parsed.ideal_bytes(), [len(np.unique(n[n != 0])) for n in parsed.numbers()]
    positions, values = (sum(layer[at] for layer in ideal) for at in (0, 1))
    return {
        "net": parsed.header["model"],
        "data": {name: parsed.header[name] for name in ("data", "mean", "std")},
        "params": params,
        "file_bytes": total,
        "bits_per_param": 8 * total / params,
        "coder": type(parsed.coder).__name__,
        "bytes": parsed.bytes_of,
        "ideal_bytes": parsed.bytes_of | {"positions": positions, "values": values},
        "layers": [
            {
                "name": layer.name,
                "shape": list(layer.shape),
                "params": layer.size,
                "nonzero": layer.nonzero,
                "sparsity": 1 - layer.nonzero / layer.size,
                "coded_as": layer.kind,
                "bits": layer.bits,
                "distinct": None if layer.kind == "sparse" else found,
                "code_bytes": sum(bytes_),
            }
            for layer, found, bytes_ in zip(parsed.layers, distinct, ideal, strict=True)
        ],
    }


def _print(found: dict[str, Any], file: Path) -> None:
    from rich.console import Console
    from rich.table import Table

    console = Console(highlight=False)
    net, total = found["net"], found["file_bytes"]
    options = ", ".join(f"{name}={value}" for name, value in net["args"].items())
    console.print(f"{file}: {net['net'].rpartition('.')[2]}({options}) for {found['data']['data']}, input {net['input_shape']}")
    size = f"{total:,} bytes by {found['coder']}"
    console.print(f"{found['params']:,} parameters in {size}: {found['bits_per_param']:.3f} bits each")
    for edit in net.get("surgery", []):
        sizes = ", ".join(f"{name}={value}" for name, value in edit.items() if name not in ("edit", "layer"))
        console.print(f"{edit['layer'] or 'net'}: {edit['edit']}({sizes})")
    console.print()
    sections = Table("section", "bytes", "%", "ideal", box=None, pad_edge=False)
    for name, size in found["bytes"].items():
        sections.add_row(name, f"{size:,}", f"{100 * size / total:.1f}", f"{found['ideal_bytes'][name]:,.1f}")
    sections.add_row("total", f"{total:,}", "100.0", f"{sum(found['ideal_bytes'].values()):,.1f}")
    layers = Table("layer", "shape", "weights", "non-zero", "sparsity %", "bits", "distinct", "bytes", box=None, pad_edge=False)
    for layer in found["layers"]:
        shape = "×".join(map(str, layer["shape"]))
        distinct = "raw" if layer["distinct"] is None else str(layer["distinct"])
        sparsity = f"{100 * layer['sparsity']:.2f}"
        counts = f"{layer['params']:,}", f"{layer['nonzero']:,}"
        layers.add_row(layer["name"], shape, *counts, sparsity, f"{layer['bits']:g}", distinct, f"{layer['code_bytes']:,.0f}")
    for table in (sections, layers):
        for column in table.columns[1:]:
            column.justify = "right"
    console.print(sections)
    console.print()
    if found["layers"]:
        console.print(layers)
        console.print("layers that are not listed are dense float32")
    else:
        console.print("all weights are dense float32")
