"""From a compressed file to an ONNX file."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from torch import nn

from lightexp.artifact import Parsed, load, parse_file
from lightexp.edge.inputs import FLOAT, QuantizeDequantize, Rounded, show_grids
from lightexp.edge.need import need
from lightexp.edge.trace import trace
from lightexp.edge.weights import Int8Weight, int8_weights
from lightexp.errors import ConfigError
from lightexp.reparam import layers

Precision = Literal["float32", "int8"]
LARGEST_BYTES = 2**31 - 1
"""An ONNX file is one protocol buffer, which cannot be larger."""


@dataclass(frozen=True)
class Exported:
    """content: bytes of the ONNX file. dropped: units and filters that were taken out, by layer.

    Of the int8 form: integer_layers, whose weights and inputs both are integers of 8 bits, so that a runtime can compute in
    them; float_weights, float_inputs, of all other layers why which of the two are not.
    """

    content: bytes
    dropped: dict[str, int]
    integer_layers: tuple[str, ...] = ()
    float_weights: dict[str, str] = field(default_factory=dict)
    float_inputs: dict[str, str] = field(default_factory=dict)

    @property
    def unrounded(self) -> tuple[str, ...]:
        """Layers with weights of 8 bits that are computed in floats for no other reason than that nothing rounds their input."""
        return tuple(name for name, why in self.float_inputs.items() if why == FLOAT and name not in self.float_weights)

    @property
    def float_sums(self) -> int:
        """Sums of two computed values, where there are some and no side of any is an integer."""
        import onnx

        graph = onnx.load_from_string(self.content).graph
        given = {name: node.op_type for node in graph.node for name in node.output}
        sums = [[given.get(name) for name in node.input] for node in graph.node if node.op_type == "Add"]
        computed = [sides for sides in sums if all(sides)]
        return 0 if any("DequantizeLinear" in sides for sides in computed) else len(computed)


def export(file: Path, precision: Precision = "float32", trust: bool = False) -> Exported:
    """A compressed file as one ONNX file of its plain net, for batches of any size, without its dead units.

    The form `int8` carries the file's own integers, steps and zero-points as QDQ nodes (DequantizeLinear behind a weight's
    integers; QuantizeLinear and DequantizeLinear where the input of a layer is rounded), which runtimes compute in integers
    (Jacob et al. 2018). Nothing is quantized anew; what has no integers of 8 bits stays float.

    Args:
        trust: see `lightexp.load`.

    Raises:
        ArtifactError: the file is damaged, or its net unknown.
        ConfigError: an operator that ONNX cannot take, a form that the file does not have, or packages that are not installed.

    Example:
        >>> Path("model.onnx").write_bytes(export(Path("model.lxp")).content)
    """
    need("onnx", "onnxscript")
    net, parsed = load(file, trust=trust), parse_file(file)
    return int8_of(net, parsed, str(file)) if precision == "int8" else float_of(net, parsed)


def float_of(net: nn.Module, parsed: Parsed) -> Exported:
    """The float form of a net that was decoded from a file; see `export`. Changes `net`."""
    show_grids(net, Rounded)
    return Exported(*onnx_of(net, tuple(parsed.header["model"]["input_shape"])))


def int8_of(net: nn.Module, parsed: Parsed, name: str = "the net") -> Exported:
    """The int8 form of a net that was decoded from a file; see `export`. Changes `net`.

    Raises:
        ConfigError: the file has no weights that are integers of 8 bits.
    """
    weights, reasons = int8_weights(parsed)
    float_weights = {layer: reasons.get(layer, "its weights are floats") for layer in layers(net) if layer not in weights}
    if not weights:
        layer, reason = next(iter(float_weights.items()))
        raise ConfigError(
            f"{name} has no weights that are integers of 8 bits ({layer}: {reason}): make one with schedule=quantize_activations, "
            "or export this one as float32"
        )
    float_inputs = show_grids(net, QuantizeDequantize)
    integer_layers = tuple(layer for layer in weights if layer not in float_inputs)
    content, dropped = onnx_of(net, tuple(parsed.header["model"]["input_shape"]), weights)
    return Exported(content, dropped, integer_layers, float_weights, float_inputs)


def onnx_of(
    net: nn.Module, input_shape: tuple[int, ...], weights: Mapping[str, Int8Weight] | None = None
) -> tuple[bytes, dict[str, int]]:
    """A net in evaluation mode as the bytes of an ONNX file, and the units that were dropped, by layer; see `export`.

    weights: of layers, what their float weights are to be replaced by.
    """
    need("onnx", "onnxscript")
    import onnx_ir
    from onnxscript.optimizer import optimize_ir

    from lightexp.edge.dead import drop_dead
    from lightexp.edge.graph import name_layers
    from lightexp.edge.qdq import carry_codes, fold_norms, round_biases

    model = trace(net, input_shape)
    carry_codes(model.graph, weights or {})
    name_layers(model.graph)
    optimize_ir(model)
    fold_norms(model.graph)
    dropped = drop_dead(model.graph)
    round_biases(model.graph)
    proto = onnx_ir.to_proto(model)
    if proto.ByteSize() > LARGEST_BYTES:
        raise ConfigError(f"the net takes {proto.ByteSize():,} bytes; one ONNX file holds {LARGEST_BYTES:,} at most")
    return proto.SerializeToString(deterministic=True), dropped
