"""Where a net adds up what its modules take and give, as residual nets do."""

from collections import Counter
from collections.abc import Iterable
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from lightexp.reparam import layers
from lightexp.surgery import Addition

ADDS = {"add", "add_", "__add__", "__iadd__", "__radd__"}
MOVES = {"__getitem__", "pad"}
"""Give numbers of what they take and zeros, and so stay on its grid: shortcuts without parameters are made of them."""


class Addends(NamedTuple):
    """Names of modules: those of which what they take is added to something, and those of which what they give is."""

    taken: tuple[str, ...]
    given: tuple[str, ...]


@torch.no_grad()
def addends(net: nn.Module, inputs: Tensor) -> Addends:
    """Where both sides of each sum of equal shapes come from, watched while `inputs` pass through a net in evaluation mode.

    A side is what a module takes within which the sum is made, as a block its shortcut, or else what some module gives. Left out
    are sums of which a side is neither, such as a sum itself, or of a module that is called more than once.
    """
    own = [(name, part) for name, part in net.named_modules() if name and "parametrizations" not in name.split(".")]
    watch = _Watch({part: name for name, part in own if not isinstance(getattr(part, "edit", None), Addition)})
    hooks = [hook for part in watch.names for hook in watch.hooks(part)]
    try:
        with watch:
            net(inputs)
    finally:
        for hook in hooks:
            hook.remove()
    return watch.found()


@torch.no_grad()
def takers(net: nn.Module, quantizers: Iterable[nn.Module], inputs: Tensor) -> list[str]:
    """Names of the layers whose input is the very tensor that one of these quantizers gives."""
    given: dict[_Key, Tensor] = {}
    found = []

    def give(_: nn.Module, __: tuple, output: Tensor) -> None:
        given[_key(output)] = output

    def take(name: str):
        return lambda _, taken: found.append(name) if _key(taken[0]) in given else None

    hooks = [quantizer.register_forward_hook(give) for quantizer in quantizers]
    hooks += [layer.register_forward_pre_hook(take(name)) for name, layer in layers(net).items()]
    net(inputs)
    for hook in hooks:
        hook.remove()
    return found


_Key = tuple[int, int]


def _key(tensor: Tensor) -> _Key:
    """A tensor as it is now: which one, and how often it has been written to in place."""
    return id(tensor), tensor._version


class _Watch(TorchFunctionMode):
    """Follows tensors from module to module."""

    def __init__(self, names: dict[nn.Module, str]) -> None:
        super().__init__()
        self.names = names
        self.calls: Counter[nn.Module] = Counter()
        self.entered: list[tuple[nn.Module, _Key | None]] = []
        self.given: dict[_Key, nn.Module] = {}
        self.moved: dict[_Key, _Key] = {}
        self.sums: list[list[tuple[str, nn.Module] | None]] = []
        # A tensor that is gone would leave its id to another.
        self.alive: list[Tensor] = []

    def hooks(self, part: nn.Module) -> list[Any]:
        return [part.register_forward_pre_hook(self._enter), part.register_forward_hook(self._leave)]

    def found(self) -> Addends:
        whole = [sides for sides in self.sums if all(side and self.calls[side[1]] == 1 for side in sides)]
        sides = dict.fromkeys(side for both in whole for side in both)
        return Addends(*(tuple(self.names[part] for kind, part in sides if kind == which) for which in Addends._fields))

    def _enter(self, part: nn.Module, taken: tuple) -> None:
        self.calls[part] += 1
        self.entered.append((part, self._note(taken[0]) if taken and isinstance(taken[0], Tensor) else None))

    def _leave(self, part: nn.Module, _: tuple, output: Any) -> None:
        self.entered.pop()
        if isinstance(output, Tensor):
            self.given.setdefault(self._note(output), part)

    def __torch_function__(self, func: Any, types: Any, args: tuple = (), kwargs: dict | None = None) -> Any:
        name = getattr(func, "__name__", "")
        sides = [side for side in args[:2] if isinstance(side, Tensor)] if name in ADDS | MOVES else []
        keys = [self._note(side) for side in sides]
        if name in ADDS and len(sides) == 2 and sides[0].shape == sides[1].shape and not kwargs:
            self.sums.append([self._origin(key) for key in keys])
        output = func(*args, **(kwargs or {}))
        if name in MOVES and keys:
            self.moved[self._note(output)] = keys[0]
        return output

    def _note(self, tensor: Tensor) -> _Key:
        self.alive.append(tensor)
        return _key(tensor)

    def _origin(self, key: _Key) -> tuple[str, nn.Module] | None:
        while key in self.moved:
            key = self.moved[key]
        for part, taken in reversed(self.entered):
            if taken == key:
                return "taken", part
        return ("given", self.given[key]) if key in self.given else None
