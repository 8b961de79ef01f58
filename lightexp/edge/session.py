"""Nets in ONNX Runtime."""

import os
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from lightexp.edge.need import need
from lightexp.errors import ArtifactError

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

Run = Callable[[np.ndarray], np.ndarray]
"""A batch of inputs (float32) → logits."""


def session(content: bytes, name: str, threads: int | None = None) -> Run:
    """An ONNX file ready to run on the processor. threads: all that this process may use, by default.

    Raises:
        ArtifactError: ONNX Runtime cannot read it; says why.
    """
    found = _open(content, name, threads or all_threads())
    taken = found.get_inputs()[0].name
    return lambda batch: found.run(None, {taken: batch})[0]


def input_shape(content: bytes, name: str) -> tuple[int, ...]:
    """The shape of one sample that an ONNX file takes.

    Raises:
        ArtifactError: ONNX Runtime cannot read it, or it does not take batches, of any size, of one float input.
    """
    inputs = _open(content, name, 1).get_inputs()
    shape = inputs[0].shape if inputs else []
    if len(inputs) != 1 or inputs[0].type != "tensor(float)" or not _is_batch(shape):
        raise ArtifactError(
            f"{name} takes {', '.join(f'{one.type} {one.shape}' for one in inputs)}: only nets of one float input "
            "whose first side is free are measured"
        )
    return tuple(shape[1:])


def _is_batch(shape: list) -> bool:
    return len(shape) > 1 and not isinstance(shape[0], int) and all(isinstance(side, int) for side in shape[1:])


def _open(content: bytes, name: str, threads: int) -> "InferenceSession":
    need("onnxruntime")
    import onnxruntime
    from onnxruntime.capi import onnxruntime_pybind11_state as state

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    # Threads that spin while they wait would take the processor from the next net in turn.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    try:
        return onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    except (state.Fail, state.InvalidArgument, state.InvalidGraph, state.InvalidProtobuf, state.NotImplemented) as error:
        raise ArtifactError(f"{name}: ONNX Runtime cannot take it: {str(error).partition(chr(10))[0][:300]}") from error


def all_threads() -> int:
    """Processors that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
