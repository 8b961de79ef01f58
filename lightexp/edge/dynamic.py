"""Dynamic quantization by ONNX Runtime, to compare with."""

import logging
import tempfile
import warnings
from pathlib import Path

from lightexp.edge.need import need


def dynamic_int8(content: bytes) -> bytes:
    """A float ONNX file with ONNX Runtime's own dynamic quantization: weights of 8 bits with one step a tensor, inputs rounded
    anew for each batch to the range that they have in it. It needs no data and knows nothing of the file's integers."""
    need("onnxruntime")
    # What it says on import is about packages that only graphics processors use.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from onnxruntime.quantization import QuantType, quantize_dynamic
        from onnxruntime.quantization.shape_inference import quant_pre_process

    root = logging.getLogger()
    level = root.level
    root.setLevel(logging.ERROR)
    try:
        with tempfile.TemporaryDirectory(prefix="lightexp-") as folder:
            given, ready, made = (Path(folder) / name for name in ("given.onnx", "ready.onnx", "made.onnx"))
            given.write_bytes(content)
            quant_pre_process(given, ready, skip_symbolic_shape=True)
            # ConvInteger of the processor takes unsigned weights alone.
            quantize_dynamic(ready, made, weight_type=QuantType.QUInt8)
            return made.read_bytes()
    finally:
        root.setLevel(level)
