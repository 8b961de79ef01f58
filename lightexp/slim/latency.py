import copy
from typing import Annotated, ClassVar

import numpy as np
from pydantic import Field
from torch import nn

from lightexp.edge import onnx_of, session
from lightexp.edge.need import need
from lightexp.measure.latency import in_turn
from lightexp.slim.amount import Amount
from lightexp.spec import spec

TIMES = 5


@spec
class Latency(Amount):
    """Milliseconds that a batch takes in ONNX Runtime, in one thread: the least of five medians, which other work disturbs least.

    What goes depends on the machine and a little on the minute; a stage that is found in the store is not chosen anew.

    batch: samples at a time. seconds: that each net is measured for.
    """

    exact: ClassVar[bool] = False

    batch: Annotated[int, Field(ge=1)] = 1
    seconds: Annotated[float, Field(gt=0)] = 0.5

    def check(self) -> None:
        need("onnx", "onnxscript", "onnxruntime")

    def of(self, net: nn.Module, input_shape: tuple[int, ...]) -> float:
        run = session(onnx_of(copy.deepcopy(net).cpu().eval(), input_shape)[0], "the net", threads=1)
        inputs = np.zeros((self.batch, *input_shape), np.float32)
        return min(in_turn([lambda: run(inputs)], [0], self.seconds / TIMES)[0].p50_ms for _ in range(TIMES))
