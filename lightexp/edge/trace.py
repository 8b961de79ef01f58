"""From a torch net to an ONNX graph."""

import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import torch
from torch import nn

from lightexp.edge.need import need
from lightexp.errors import ConfigError

if TYPE_CHECKING:
    import onnx_ir as ir

INPUT, OUTPUT = "input", "logits"


def trace(net: nn.Module, input_shape: tuple[int, ...]) -> "ir.Model":
    """The graph of a net in evaluation mode, as torch writes it, for batches of any size: from `input` to `logits`.

    Raises:
        ConfigError: an operator that ONNX cannot take, or a forward pass that depends on the values of its input; says in
            which module.
    """
    need("onnx", "onnxscript")
    program = _program(net.eval(), torch.zeros(2, *input_shape))
    names = {"input_names": [INPUT], "output_names": [OUTPUT]}
    try:
        return torch.onnx.export(program, (), dynamo=True, optimize=False, verbose=False, **names).model
    except torch.onnx.OnnxExporterError as error:
        raise ConfigError(_unknown_operator(program, str(error))) from error


def _program(net: nn.Module, x: torch.Tensor) -> torch.export.ExportedProgram:
    entered: list[str] = []
    names = {module: name for name, module in net.named_modules()}

    def enter(module: nn.Module, _: tuple) -> None:
        entered.append(names[module])

    def leave(*_: object) -> None:
        entered.pop()

    hooks = [hook for m in names for hook in (m.register_forward_pre_hook(enter), m.register_forward_hook(leave))]
    # Behind an export autograd would believe in devices and start threads for them, and forks (see `trainer.processes`) would fail.
    torch.zeros((), requires_grad=True).backward()
    try:
        with _quiet():
            return torch.export.export(net, (x,), dynamic_shapes=({0: torch.export.Dim("batch")},), strict=False)
    except Exception as error:  # whatever a net's own code raises while it is traced
        where = f"{entered[-1]} ({type(net.get_submodule(entered[-1])).__name__})" if entered else type(net).__name__
        raise ConfigError(f"{where} cannot be exported to ONNX: {_line(error)}") from error
    finally:
        for hook in hooks:
            hook.remove()


def _unknown_operator(program: torch.export.ExportedProgram, message: str) -> str:
    named = re.search(r"translating node %(\w+) .*?target=torch\.ops\.([\w.]+)", message)
    if not named:
        return f"the net cannot be exported to ONNX: {message.partition(chr(10))[0]}"
    # What is translated is decomposed further than what torch tells the modules of, under names that end alike.
    nodes = [node for node in program.run_decompositions().graph.nodes if node.name.endswith(named[1])]
    stack = nodes[0].meta.get("nn_module_stack", {}) if nodes else {}
    path, kind = list(stack.values())[-1] if stack else ("", "")
    where = f"{path or 'the net'} ({str(kind).rpartition('.')[2]})" if kind else "the net"
    return f"{where} uses {named[2].removesuffix('.default')}, which ONNX has no operator for"


def _line(error: Exception) -> str:
    return str(error).partition("\n")[0][:200] or type(error).__name__


@contextmanager
def _quiet() -> Iterator[None]:
    """Without the graphs that torch logs when a trace fails."""
    logger = logging.getLogger("torch")
    level = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        logger.setLevel(level)
