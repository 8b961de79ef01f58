"""Units and filters that do no work, taken out of an ONNX graph."""

from dataclasses import dataclass, field

import numpy as np
import onnx_ir as ir

from lightexp.edge.graph import LAYER, constant, dequantized, dequantizer, is_layer, only_user, put

KEEP_ZERO = {"Relu", "LeakyRelu", "MaxPool", "AveragePool", "GlobalAveragePool", "QuantizeLinear", "DequantizeLinear", "Round"}
"""Operators under which a channel of zeros stays one, and touches no other. (Zero-points are those of 0.)"""


@dataclass
class _Link:
    """Two layers of which the second alone takes what the first gives, channel by channel.

    columns: of the second's matrix, for each channel of the first. reshape: what flattens channels to columns.
    """

    first: ir.Node
    second: ir.Node
    rectified: bool = False
    reshape: ir.Node | None = None
    columns: int = 1
    channels: int = field(init=False)

    def __post_init__(self) -> None:
        self.channels = len(_weight(self.first))
        self.columns = _weight(self.second).shape[1] // self.channels

    def idle(self) -> np.ndarray:
        """Which channels are 0 for every input, or are taken by nothing."""
        bias = _bias(self.first)
        silent = bias <= 0 if self.rectified else bias == 0
        nothing = ~_weight(self.first).reshape(self.channels, -1).any(1) & silent
        taken = _weight(self.second).reshape(-1, self.channels, self.columns * _kernel(self.second)).any((0, 2))
        return nothing | ~taken


def drop_dead(graph: ir.Graph) -> dict[str, int]:
    """Take out each unit and filter that is 0 for every input or that the next layer's columns of zeros ignore.

    Only where one layer alone takes what another gives, through operators that keep channels apart; what lies before sums,
    branches and grouped convolutions stays. One unit of each layer is always left.

    Returns:
        How many of which layer, by the name of its weight.
    """
    dropped: dict[str, int] = {}
    while found := [(link, idle) for link in _links(graph) if (idle := link.idle()).any() and link.channels > 1]:
        changed = False
        # From the end: what ignores a unit may itself have gone.
        for link, idle in reversed(found):
            kept = np.flatnonzero(~idle) if not idle.all() else np.array([0])
            if len(kept) < link.channels and len(_weight(link.first)) == link.channels:
                name = link.first.metadata_props.get(LAYER, str(link.first.name))
                dropped[name] = dropped.get(name, 0) + link.channels - len(kept)
                _cut(graph, link, kept)
                changed = True
        if not changed:
            break
    if dropped:
        # They told of the units that are gone, and can be inferred.
        for value in [value for node in graph for value in node.outputs if not value.is_graph_output()]:
            value.shape = None
    return dropped


def _links(graph: ir.Graph) -> list[_Link]:
    return [link for node in graph if is_layer(node) and (link := _link(node))]


def _link(first: ir.Node) -> _Link | None:
    if _weight(first) is None or first.attributes.get_int("group", 1) != 1 or _bias(first) is None:
        return None
    value, rectified, reshape = first.outputs[0], False, None
    while node := only_user(value):
        if is_layer(node) and node.inputs[0] is value:
            grouped = node.attributes.get_int("group", 1) != 1
            fits = _weight(node) is not None and not grouped and _weight(node).shape[1] % len(_weight(first)) == 0
            return _Link(first, node, rectified, reshape) if fits else None
        if node.op_type == "Reshape" and reshape is None and _flattens(node):
            reshape = node
        elif not (node.op_type in KEEP_ZERO or _keeps_zero(node)):
            return None
        rectified |= node.op_type == "Relu" and node is only_user(first.outputs[0])
        value = node.outputs[0]
    return None


def _flattens(node: ir.Node) -> bool:
    shape, given = constant(node.inputs[1]), node.inputs[0].shape
    return shape is not None and len(shape) == 2 and given is not None and len(given) > 2


def _keeps_zero(node: ir.Node) -> bool:
    if node.op_type == "Clip":
        low, high = (_bound(node, place, free) for place, free in ((1, -np.inf), (2, np.inf)))
        quantized = node.inputs[0].producer() is not None and node.inputs[0].producer().op_type == "QuantizeLinear"
        return quantized or bool(low <= 0 <= high)
    if node.op_type in ("Mul", "Div"):
        factor = constant(node.inputs[1])
        return factor is not None and factor.size == 1 and bool(factor)
    if node.op_type == "ReduceMean":
        axes = constant(node.inputs[1]) if len(node.inputs) > 1 else None
        return axes is not None and set(axes.tolist()) <= {2, 3, -1, -2}
    return node.op_type == "Flatten" and node.attributes.get_int("axis", 1) == 1


def _bound(node: ir.Node, place: int, free: float) -> np.ndarray | float:
    """Of a Clip; NaN where it is no constant."""
    if len(node.inputs) <= place or node.inputs[place] is None:
        return free
    found = constant(node.inputs[place])
    return np.nan if found is None else found


def _cut(graph: ir.Graph, link: _Link, kept: np.ndarray) -> None:
    _keep(graph, link.first, 1, 0, kept)
    if len(link.first.inputs) > 2 and link.first.inputs[2] is not None:
        _keep(graph, link.first, 2, 0, kept)
    columns = (kept[:, None] * link.columns + np.arange(link.columns)).reshape(-1)
    _keep(graph, link.second, 1, 1, columns)
    if link.reshape is not None:
        _replace(graph, link.reshape, 1, np.array([-1, len(columns)], np.int64))


def _keep(graph: ir.Graph, node: ir.Node, at: int, axis: int, kept: np.ndarray) -> None:
    """Leave these rows (axis 0) or columns (axis 1) of a constant or dequantized input."""
    value, holder = node.inputs[at], dequantizer(node.inputs[at])
    if holder is None:
        _replace(graph, node, at, constant(value).take(kept, axis))
        return
    if only_user(value) is None:  # optimizing has joined the equal codes of two layers
        codes, step = (constant(part) for part in holder.inputs[:2])
        value = dequantized(graph, node, f"{node.name}.input{at}", codes, step)
        node.replace_input_with(at, value)
        holder = value.producer()
    for place, part in enumerate(holder.inputs):
        numbers = constant(part)
        if place == 0 or (axis == 0 and numbers.ndim):
            _replace(graph, holder, place, numbers.take(kept, axis))
    value.shape = ir.Shape(constant(holder.inputs[0]).shape)


def _replace(graph: ir.Graph, node: ir.Node, at: int, numbers: np.ndarray) -> None:
    before = node.inputs[at]
    node.replace_input_with(at, put(graph, f"{before.name}.kept", np.ascontiguousarray(numbers)))
    if not before.uses():
        del graph.initializers[before.name]


def _weight(node: ir.Node) -> np.ndarray | None:
    """Constant floats, or the codes that stand for them: they are 0 at the same places."""
    holder = dequantizer(node.inputs[1])
    return constant(holder.inputs[0] if holder else node.inputs[1])


def _bias(node: ir.Node) -> np.ndarray | None:
    """Zeros if there is none; None if it is no constant."""
    if len(node.inputs) < 3 or node.inputs[2] is None:
        return np.zeros(len(_weight(node)), np.float32)
    return constant(node.inputs[2])


def _kernel(node: ir.Node) -> int:
    return int(np.prod(_weight(node).shape[2:], dtype=int))
