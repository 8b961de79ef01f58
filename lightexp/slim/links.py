"""What torch-pruning knows about the channels of a net."""

import warnings
from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from lightexp.errors import ConfigError
from lightexp.reparam import layers
from lightexp.surgery.widths import is_depthwise, sized, widths

OUT, IN = 0, 1
Axis = tuple[str, int]
"""The outputs or the inputs of a module."""


@dataclass
class Links:
    """same: axes and equally many indices of each, pair by pair the same channel. bound: indices of an axis whose channels must
    stay, and why. unseen: layers that the net does not call."""

    same: list[tuple[Axis, list[int], Axis, list[int]]] = field(default_factory=list)
    bound: list[tuple[Axis, list[int], str]] = field(default_factory=list)
    unseen: list[str] = field(default_factory=list)


def ask(net: nn.Module, inputs: Tensor) -> Links:
    """The links between the axes of a plain net, whose parameters are all made to take gradients.

    Raises:
        ConfigError: torch-pruning cannot trace it.
    """
    graph, names = _graph(net, inputs), {module: name for name, module in sized(net).items()}
    found, covered = Links(), defaultdict(set)
    for name, layer in layers(net).items():
        if layer not in graph.module2node:
            found.unseen.append(name)
            continue
        root, every = (name, OUT), list(range(widths(layer)[OUT]))
        if getattr(layer, "groups", 1) > 1 and not is_depthwise(layer):
            why = f"{name} is a convolution in groups of several channels"
            found.bound += [(root, every, why), ((name, IN), list(range(layer.in_channels)), why)]
        if covered[name] >= set(every):
            continue
        for item in graph.get_pruning_group(layer, graph.get_pruner_of_module(layer).prune_out_channels, every):
            target = item.dep.target
            if target.module in names:
                side = IN if item.dep.handler.__name__ == "prune_in_channels" else OUT
                found.same.append((root, item.root_idxs, (names[target.module], side), item.idxs))
                covered[names[target.module]] |= set(item.idxs if side == OUT else ())
            elif why := _binding(target):
                found.bound.append((root, item.root_idxs, why))
    return found


def _graph(net: nn.Module, inputs: Tensor) -> Any:
    import torch_pruning

    for parameter in net.parameters():
        parameter.requires_grad_()
    with warnings.catch_warnings(), torch.enable_grad():
        warnings.simplefilter("ignore")
        try:
            # Times 1, so that the answers are an operation of their own.
            return torch_pruning.DependencyGraph().build_dependency(net, inputs, lambda net, x: net(x) * 1, verbose=False)
        except Exception as error:  # whatever the tracer makes of a net's operations
            raise ConfigError(f"torch-pruning cannot trace the net: {line(error)}") from error


def _binding(node: Any) -> str | None:
    """Why channels that reach a node of torch-pruning's graph must stay, if they must: lightexp does not cut it."""
    from torch_pruning.ops import OPTYPE

    kind = type(node.module).__name__
    if node.type == OPTYPE.OUTPUT:
        return "they are the net's answers"
    if node.type == OPTYPE.PARAMETER:
        return f"a parameter of shape {list(node.module.shape)} that belongs to no layer goes with them"
    if node.type in (OPTYPE.LN, OPTYPE.GN, OPTYPE.IN, OPTYPE.PRELU, OPTYPE.MHA, OPTYPE.LSTM, OPTYPE.EMBED):
        return f"{node.name.partition(' ')[0]}, a {kind}, works on them"
    return None


def line(error: BaseException) -> str:
    """An error in one line."""
    return str(error).partition("\n")[0][:200] or type(error).__name__
