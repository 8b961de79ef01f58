"""The integers of a file as QDQ nodes of an ONNX graph."""

import numpy as np
import onnx_ir as ir

from lightexp.edge.graph import constant, dequantized, dequantizer, is_layer, only_user, put, remove
from lightexp.edge.weights import Int8Weight

INT32 = np.iinfo(np.int32)


def carry_codes(graph: ir.Graph, weights: dict[str, Int8Weight]) -> None:
    """Put each layer's codes and a DequantizeLinear in the place of its float weight, in a graph that nothing has optimized."""
    for layer, weight in weights.items():
        floats = graph.initializers[f"{layer}.weight"]
        first = min((use.node for use in floats.uses()), key=list(graph).index)
        value = dequantized(graph, first, f"{layer}.weight", weight.codes, weight.step)
        floats.replace_all_uses_with(value)
        del graph.initializers[floats.name]


def fold_norms(graph: ir.Graph) -> None:
    """Let the steps of coded weights, and the bias, take over from the BatchNormalization behind them.

    γ·(q·Δ + b − μ)/σ + β: a row's step becomes Δ·|γ/σ|, its codes change sign with γ, its bias becomes β + (b − μ)·γ/σ. The
    integers stay those of the file.
    """
    for node in [node for node in graph if node.op_type == "BatchNormalization"]:
        layer = node.inputs[0].producer()
        dequantize = dequantizer(layer.inputs[1]) if is_layer(layer) else None
        if dequantize is None or only_user(layer.outputs[0]) is not node or only_user(dequantize.outputs[0]) is not layer:
            continue
        parameters = [constant(value) for value in node.inputs[1:]]
        bias = constant(layer.inputs[2]) if len(layer.inputs) > 2 and layer.inputs[2] is not None else np.float32(0)
        if bias is None or any(parameter is None for parameter in parameters):
            continue
        scale, shift, mean, variance = parameters
        factor = scale / np.sqrt(variance + node.attributes.get_float("epsilon", 1e-5))
        codes, step = (constant(value) for value in dequantize.inputs[:2])
        folded = Int8Weight(codes, step.reshape(-1)).times(factor)
        if folded is None:
            continue
        name = dequantize.name.removesuffix(".dequantize")
        layer.replace_input_with(1, dequantized(graph, layer, name, folded.codes, folded.step))
        remove(graph, dequantize)
        _set_bias(graph, layer, f"{name.removesuffix('.weight')}.bias", (shift + (bias - mean) * factor).astype(np.float32))
        node.outputs[0].replace_all_uses_with(layer.outputs[0], replace_graph_outputs=True)
        remove(graph, node)


def round_biases(graph: ir.Graph) -> None:
    """Biases of layers that take integers and have coded weights, as int32 multiples of the products' step, Δ_x·Δ_w.

    That is the accumulator's own grid, on which runtimes of integers add them; where they do not fit, they stay float.
    """
    for node in [node for node in graph if is_layer(node) and len(node.inputs) > 2]:
        taken, weight, bias = (dequantizer(node.inputs[0]), dequantizer(node.inputs[1]), constant(node.inputs[2]))
        if taken is None or weight is None or bias is None:
            continue
        step = np.broadcast_to(constant(taken.inputs[1]) * constant(weight.inputs[1]), bias.shape).astype(np.float32)
        codes = np.round(bias / step.astype(np.float64))
        if np.abs(codes).max(initial=0) < INT32.max:
            before = node.inputs[2]
            name = before.name
            node.replace_input_with(2, dequantized(graph, node, name, codes.astype(np.int32), step))
            if not before.uses():
                del graph.initializers[before.name]


def _set_bias(graph: ir.Graph, layer: ir.Node, name: str, bias: np.ndarray) -> None:
    before = layer.inputs[2] if len(layer.inputs) > 2 else None
    layer.resize_inputs(3)
    layer.replace_input_with(2, put(graph, name, bias))
    if before is not None and not before.uses():
        del graph.initializers[before.name]
