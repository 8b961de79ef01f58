"""Nets in ONNX Runtime."""

import os
from collections.abc import Callable

import numpy as np

from lightexp.edge.need import need
from lightexp.errors import ArtifactError

Run = Callable[[np.ndarray], np.ndarray]
"""A batch of inputs (float32) → logits."""


def session(content: bytes, name: str, threads: int | None = None) -> Run:
    """An ONNX file ready to run on the processor. threads: all that this process may use, by default.

    Raises:
        ArtifactError: ONNX Runtime cannot read it, says why.
    """
    need("onnxruntime")
    import onnxruntime
    from onnxruntime.capi.onnxruntime_pybind11_state import Fail, InvalidArgument, InvalidGraph, InvalidProtobuf, NotImplemented

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads or all_threads()
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    # Threads that spin while they wait would take the processor from the next net in turn.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    try:
        found = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    except (Fail, InvalidArgument, InvalidGraph, InvalidProtobuf, NotImplemented) as error:
        raise ArtifactError(f"{name}: ONNX Runtime cannot take it: {str(error).partition(chr(10))[0][:300]}") from error
    taken = found.get_inputs()[0].name
    return lambda batch: found.run(None, {taken: batch})[0]


def all_threads() -> int:
    """Processors that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
