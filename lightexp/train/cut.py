"""Finding where a net can be cut into segments, and cutting it there."""

import bisect
import copy
import math
import operator
from collections.abc import Callable, Collection
from typing import Any, Literal

import torch
from torch import Tensor, fx, nn
from torch.fx.passes.split_module import split_module
from torch.utils._pytree import tree_leaves

from lightexp.errors import ConfigError
from lightexp.train.recompute import Recomputed


def cut(net: nn.Module, segments: int | Literal["sqrt"], inputs: Tensor, whole: Collection[str] = ()) -> nn.Module:
    """A module that computes what `net` does in training, by its own layers, in segments; all but the last are `Recomputed`.

    The net's forward is followed symbolically (torch.fx); what cannot be followed within a layer is taken as one piece. It can
    be cut where a single tensor is alive, unless that is changed in place later on. Of these places those are taken that give
    the segments about equal bytes of intermediate results; with "sqrt", √n segments of n pieces. The last segment keeps what it
    saves, since its backward comes at once.

    inputs: two samples; copies of the net are run on them. whole: names of layers that are left in one piece, because somebody
    listens to them.

    Raises:
        ConfigError: the net's own forward depends on values, so that it cannot be followed.
    """
    root = _Forward(copy.deepcopy(net).train())
    try:
        graph = _Tracer(whole).trace(root)
    except Exception as error:  # whatever a net's code raises when it is shown symbols
        raise ConfigError(
            f"gradient checkpointing cannot follow the forward of {type(net).__name__} ({_line(error)}): move what depends on "
            "values into a layer of its own, or set trainer.checkpointing=null"
        ) from error
    probe = _Probe(fx.GraphModule(root, graph))
    plain = copy.deepcopy(net).train()
    _compare(plain, probe, inputs)
    moving = _moving(net, plain)
    ends = probe.ends(segments)
    root.net = net  # from here on the net's own layers compute
    parts = split_module(fx.GraphModule(root, graph), root, lambda node: bisect.bisect_left(ends, probe.order[node]))
    for number in range(len(ends)):
        part = getattr(parts, f"submod_{number}")
        own = {id(tensor) for tensor in (*part.parameters(), *part.buffers())}
        setattr(parts, f"submod_{number}", Recomputed(part, [tensor for tensor in moving if id(tensor) in own]))
    return parts


class _Forward(nn.Module):
    """A net's forward with one input; the net's own hooks run around it."""

    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        self.net = net

    def forward(self, x: Tensor) -> Tensor:
        return self.net.forward(x)


def _in_place(operation: Callable) -> Callable:
    return lambda x, y: x.tracer.create_proxy("call_function", operation, (x, y), {})


class _Symbol(fx.Proxy):
    """Stands for a value while a forward is followed; `x += y` stays in place, where fx alone would make a new tensor."""

    __iadd__, __isub__, __imul__, __itruediv__ = map(
        _in_place, (operator.iadd, operator.isub, operator.imul, operator.itruediv)
    )


class _Tracer(fx.Tracer):
    """Follows a forward down to torch's own layers, parametrized or not, and to those that must stay whole."""

    def __init__(self, whole: Collection[str]) -> None:
        super().__init__()
        self._whole = {f"net.{name}" for name in whole}

    def proxy(self, node: fx.Node) -> fx.Proxy:
        return _Symbol(node, self)

    def is_leaf_module(self, module: nn.Module, name: str) -> bool:
        return name in self._whole or super().is_leaf_module(module, name)

    def call_module(self, module: nn.Module, forward: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        known = len(self.graph.nodes)
        try:
            return super().call_module(module, forward, args, kwargs)
        except Exception:  # noqa: BLE001 whatever a layer's code raises when it is shown symbols
            for node in reversed(list(self.graph.nodes)[known:]):
                self.graph.erase_node(node)
            return self.create_proxy("call_module", self.path_of_module(module), args, kwargs)


class _Probe(fx.Interpreter):
    """Runs a followed net and looks at what is alive after each of its operations."""

    def __init__(self, traced: fx.GraphModule) -> None:
        super().__init__(traced, garbage_collect_values=False)
        self.order = {node: number for number, node in enumerate(traced.graph.nodes)}
        self._last_use = {node: max(map(self.order.get, node.users), default=-1) for node in self.order}
        self._alive: dict[fx.Node, Any] = {}
        self._storages: set[int] = set()
        self._bytes = 0
        self._places: list[tuple[int, int, Tensor, int]] = []

    def run_node(self, node: fx.Node) -> Any:
        value = super().run_node(node)
        if node.op in ("get_attr", "output"):
            return value
        now = self.order[node]
        self._alive[node] = value
        self._alive = {other: held for other, held in self._alive.items() if self._last_use[other] > now}
        if node.op == "placeholder":
            return value
        for storage in {tensor.untyped_storage() for tensor in _tensors(value)}:
            if storage.data_ptr() not in self._storages:
                self._storages.add(storage.data_ptr())
                self._bytes += storage.nbytes()
        held = [other for other in self._alive.values() if _tensors(other)]
        if len(held) == 1 and isinstance(held[0], Tensor):
            self._places.append((now, self._bytes, held[0], held[0]._version))
        return value

    def ends(self, segments: int | Literal["sqrt"]) -> list[int]:
        """The number of the last operation of each segment but the last, once the net has run."""
        at: dict[int, int] = {}
        for now, size, tensor, version in self._places:
            if tensor._version == version and size < self._bytes:
                at.setdefault(size, now)
        sizes, count = list(at), round(math.sqrt(len(at) + 1)) if segments == "sqrt" else min(segments, len(at) + 1)
        chosen: list[int] = []
        for number in range(1, count):
            wanted = self._bytes * number / count
            first, last = chosen[-1] + 1 if chosen else 0, len(sizes) - count + number
            chosen.append(min(range(first, last + 1), key=lambda place: abs(sizes[place] - wanted)))
        return [at[sizes[place]] for place in chosen]


@torch.no_grad()
def _compare(plain: nn.Module, probe: _Probe, inputs: Tensor) -> None:
    """Run a net and what was followed of it.

    Raises:
        ConfigError: they differ.
    """
    answers = []
    for run in (plain.forward, probe.run):
        with torch.random.fork_rng([inputs.device] if inputs.device.type == "cuda" else []):
            torch.manual_seed(0)
            given = inputs.clone()
            answers.append(run(given))
    if not torch.equal(given, inputs):
        raise ConfigError(
            f"gradient checkpointing needs inputs as they were, and {type(plain).__name__} changes them in place: let it change a "
            "copy, or set trainer.checkpointing=null"
        )
    if not torch.allclose(*answers, rtol=0, atol=0, equal_nan=True):
        raise ConfigError(
            f"gradient checkpointing cannot follow the forward of {type(plain).__name__}: it does not do the same each time; "
            "set trainer.checkpointing=null"
        )


def _moving(net: nn.Module, run: nn.Module) -> list[Tensor]:
    """Parameters and buffers of `net` that a forward pass in training changes, given a copy that has made one.

    Of a layer that changes one buffer all count: a running mean may by chance have stayed as it was.
    """
    moving: list[Tensor] = []
    for layer, ran in zip(net.modules(), run.modules(), strict=True):
        groups = [[pair] for pair in zip(layer.parameters(False), ran.parameters(False), strict=True)]
        groups.append(list(zip(layer.buffers(False), ran.buffers(False), strict=True)))
        for group in groups:
            if not all(torch.equal(tensor, after) for tensor, after in group):
                moving += [tensor for tensor, _ in group]
    return moving


def _tensors(value: Any) -> list[Tensor]:
    return [leaf for leaf in tree_leaves(value) if isinstance(leaf, Tensor)]


def _line(error: BaseException) -> str:
    return str(error).partition("\n")[0][:200] or type(error).__name__
