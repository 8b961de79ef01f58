"""`lightexp inspect`: a look into a file, without torch."""

import json
from pathlib import Path
from typing import Any

from lightexp.artifact import Parsed, parse, read
from lightexp.errors import ArtifactError


def show(file: Path, as_json: bool) -> None:
    try:
        found = contents(parse(read(file)))
    except ArtifactError as error:
        raise ArtifactError(f"{file}: {error}" if str(file) not in str(error) else str(error)) from error
    if as_json:
        print(json.dumps(found, indent=1))
    else:
        _print(found, file)


def contents(parsed: Parsed) -> dict[str, Any]:
    """All that a file says of itself: the net, its data, bytes by section, and each coded layer."""
    total = sum(parsed.bytes_of.values())
    params = parsed.header["params"]
    return {
        "net": parsed.header["model"],
        "data": {name: parsed.header[name] for name in ("data", "mean", "std")},
        "params": params,
        "file_bytes": total,
        "bits_per_param": 8 * total / params,
        "bytes": parsed.bytes_of,
        "layers": [
            {
                "name": layer.name,
                "shape": list(layer.shape),
                "params": layer.size,
                "nonzero": layer.nonzero,
                "sparsity": 1 - layer.nonzero / layer.size,
                "coded_as": layer.kind,
                "bits": layer.bits,
                "distinct": None if layer.kind == "sparse" else len(layer.levels),
            }
            for layer in parsed.layers
        ],
    }


def _print(found: dict[str, Any], file: Path) -> None:
    from rich.console import Console
    from rich.table import Table

    console = Console(highlight=False)
    net, total = found["net"], found["file_bytes"]
    options = ", ".join(f"{name}={value}" for name, value in net["args"].items())
    console.print(f"{file}: {net['net'].rpartition('.')[2]}({options}) for {found['data']['data']}, input {net['input_shape']}")
    console.print(f"{found['params']:,} parameters in {total:,} bytes: {found['bits_per_param']:.3f} bits each")
    for edit in net.get("surgery", []):
        sizes = ", ".join(f"{name}={value}" for name, value in edit.items() if name not in ("edit", "layer"))
        console.print(f"{edit['layer']}: {edit['edit']}({sizes})")
    sections = Table("section", "bytes", "%", box=None, pad_edge=False)
    for name, size in found["bytes"].items():
        sections.add_row(name, f"{size:,}", f"{100 * size / total:.1f}")
    layers = Table("layer", "shape", "weights", "non-zero", "sparsity %", "bits", "distinct", box=None, pad_edge=False)
    for layer in found["layers"]:
        shape = "×".join(map(str, layer["shape"]))
        distinct = "raw" if layer["distinct"] is None else str(layer["distinct"])
        sparsity = f"{100 * layer['sparsity']:.2f}"
        layers.add_row(
            layer["name"], shape, f"{layer['params']:,}", f"{layer['nonzero']:,}", sparsity, str(layer["bits"]), distinct
        )
    console.print()
    for table in (sections, layers):
        for column in table.columns[1:]:
            column.justify = "right"
    console.print(sections)
    console.print()
    console.print(layers if found["layers"] else "no layer is compressed: all weights are dense float32")
