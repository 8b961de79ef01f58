"""The latency of a run's net, for its Record."""

import copy
from typing import Annotated

from pydantic import Field
from torch import nn

from lightexp.artifact import Parsed
from lightexp.edge.bench import latencies
from lightexp.edge.contender import OnnxNet
from lightexp.edge.export import Exported, float_of, int8_of, onnx_of
from lightexp.edge.need import need
from lightexp.edge.weights import int8_weights
from lightexp.spec import spec

BATCHES = (1, 64)


@spec
class OnnxLatency:
    """Measures a run's net in ONNX Runtime beside its dense original, in turn, when its file is written.

    Its form is int8 where some layer of the file has both weights and inputs of 8 bits, else float32. A sweep whose jobs run at
    the same time disturbs the milliseconds, and hardly the ratios.

    seconds: for each batch size. threads: of ONNX Runtime.
    """

    seconds: Annotated[float, Field(gt=0)] = 2.0
    threads: Annotated[int, Field(ge=1)] = 1

    def check(self) -> None:
        """Complain now, before anything is trained, of packages that are not installed."""
        need("onnx", "onnxscript", "onnxruntime")

    def figures(self, original: nn.Module, net: nn.Module, parsed: Parsed) -> dict[str, float]:
        """By the names that a Record has for them. original: the net as it was built. net: decoded from the file."""
        shape = tuple(parsed.header["model"]["input_shape"])
        nets = [OnnxNet("original", "float32", shape, onnx_of(original.eval(), shape)[0])]
        nets.append(OnnxNet("file", "fastest", shape, _fastest(net, parsed).content))
        figures = {}
        for batch in BATCHES:
            dense, found = latencies(nets, [0, 0], batch, self.threads, self.seconds)
            named = {"p50_ms": found.p50_ms, "p95_ms": found.p95_ms, "dense_ms": dense.p50_ms, "of_dense": found.of_base}
            figures |= {f"latency_{batch}_{name}": value for name, value in named.items()}
        return figures


def _fastest(net: nn.Module, parsed: Parsed) -> Exported:
    if int8_weights(parsed)[0] and (exported := int8_of(copy.deepcopy(net).cpu(), parsed)).integer_layers:
        return exported
    return float_of(copy.deepcopy(net).cpu(), parsed)
