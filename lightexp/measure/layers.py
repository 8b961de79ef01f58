"""What became of each layer."""

from typing import Any

from torch import nn

from lightexp.artifact import Parsed
from lightexp.measure.cost import layer_macs
from lightexp.reparam import layers
from lightexp.surgery import input_bits


def layer_rows(model: nn.Module, parsed: Parsed, input_shape: tuple[int, ...]) -> list[dict[str, Any]]:
    """One row a compressible layer, from the decoded net and the file it came from.

    name, shape; params, nonzero: weights, biases aside; sparsity: share of zeros, percent-free, 0 … 1; bits: nominal bits a
    weight, 32 if it is raw; input_bits: of the numbers that it takes, 32 if they are not quantized; distinct: distinct non-zero
    values (None if raw); code_bytes: ideal code length of its positions and values under the model of the file's coder; macs:
    multiply-accumulates for one input; effective_macs: those with a weight that is not 0.
    """
    coded = {layer.name: (layer, sum(ideal)) for layer, ideal in zip(parsed.layers, parsed.ideal_bytes(), strict=True)}
    macs = layer_macs(model, input_shape)
    rows = []
    for name, module in layers(model).items():
        weight = module.weight.detach()
        nonzero, (entry, ideal) = int(weight.count_nonzero()), coded.get(name, (None, 4.0 * weight.numel()))
        quantized = entry is not None and entry.kind != "sparse"
        rows.append(
            {
                "name": name,
                "shape": list(weight.shape),
                "params": weight.numel(),
                "nonzero": nonzero,
                "sparsity": 1 - nonzero / weight.numel(),
                "bits": entry.bits if quantized else 32,
                "input_bits": input_bits(module),
                "distinct": len(weight[weight != 0].unique()) if quantized else None,
                "code_bytes": ideal,
                "macs": macs[name],
                "effective_macs": round(macs[name] * nonzero / weight.numel()),
            }
        )
    return rows
