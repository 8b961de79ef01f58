"""Nets on the edge: ONNX files made of compressed ones, and what they cost where they run. Needs the extra `edge`."""

from lightexp.edge.bench import Row, bench, compare
from lightexp.edge.check import Check, check
from lightexp.edge.export import Exported, Precision, export, onnx_of
from lightexp.edge.on_onnx import OnnxLatency
from lightexp.edge.session import session

__all__ = ["Check", "Exported", "OnnxLatency", "Precision", "Row", "bench", "check", "compare", "export", "onnx_of", "session"]
