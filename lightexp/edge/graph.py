"""What the changes of an ONNX graph have in common."""

import numpy as np
import onnx_ir as ir

LAYER = "lightexp.layer"
"""Under it a node says which layer of the net it is; what takes its place in optimizing says so too."""


def constant(value: ir.Value | None) -> np.ndarray | None:
    """The numbers of an initializer; None for what is computed, or an input that is left out."""
    return None if value is None or value.const_value is None else value.const_value.numpy()


def put(graph: ir.Graph, name: str, numbers: np.ndarray) -> ir.Value:
    """A new initializer, under that name or, where it is taken, one like it."""
    while name in graph.initializers:
        name += "_"
    value = ir.Value(name=name, const_value=ir.tensor(numbers, name=name))
    value.type, value.shape = ir.TensorType(value.const_value.dtype), value.const_value.shape
    graph.register_initializer(value)
    return value


def only_user(value: ir.Value) -> ir.Node | None:
    """The one node that takes the value, if there is just one and the value is no output of the graph."""
    uses = list(value.uses())
    return uses[0].node if len(uses) == 1 and not value.is_graph_output() else None


def dequantizer(value: ir.Value | None) -> ir.Node | None:
    """The DequantizeLinear that gives the value."""
    node = value.producer() if value is not None else None
    return node if node is not None and node.op_type == "DequantizeLinear" else None


def dequantized(graph: ir.Graph, before: ir.Node, name: str, codes: np.ndarray, step: np.ndarray) -> ir.Value:
    """The output of a DequantizeLinear of constant codes, put before a node. step: one for all (shape 1) or one a row."""
    step = step.reshape(()) if step.size == 1 else step
    parts = (codes, step, np.zeros_like(step, codes.dtype))
    inputs = [put(graph, f"{name}.{part}", numbers) for part, numbers in zip(("codes", "step", "zero"), parts, strict=True)]
    node = ir.node("DequantizeLinear", inputs, {"axis": 0} if step.ndim else {}, name=f"{name}.dequantize")
    node.outputs[0].name, node.outputs[0].type = f"{name}.dequantized", ir.TensorType(ir.DataType.FLOAT)
    node.outputs[0].shape = ir.Shape(codes.shape)
    graph.insert_before(before, node)
    return node.outputs[0]


def is_layer(node: ir.Node | None) -> bool:
    """Whether a node is a linear layer with rows for outputs, or a convolution."""
    if node is None or node.op_type not in ("Conv", "Gemm"):
        return False
    plain = all(node.attributes.get_float(scale, 1.0) == 1 for scale in ("alpha", "beta"))
    turned = node.attributes.get_int("transB", 0) == 1 and node.attributes.get_int("transA", 0) == 0
    return node.op_type == "Conv" or (plain and turned)


def name_layers(graph: ir.Graph) -> None:
    """Note at each layer the module that it comes from, while each weight has a name of its own: optimizing joins equal ones."""
    for node in [node for node in graph if is_layer(node)]:
        holder = dequantizer(node.inputs[1])
        weight = holder.inputs[0] if holder else node.inputs[1]
        node.metadata_props[LAYER] = str(weight.name).partition(".weight")[0]


def remove(graph: ir.Graph, node: ir.Node) -> None:
    """Take a node out, with the initializers that nothing else takes; its outputs must have no users."""
    inputs = {value for value in node.inputs if value is not None}
    graph.remove(node, safe=True)
    for value in inputs:
        if value.is_initializer() and not value.uses():
            del graph.initializers[value.name]
