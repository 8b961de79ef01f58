"""What a net says to a batch: its logits, and what named layers of it gave on the way."""

from dataclasses import dataclass, field
from typing import Any

from torch import Tensor, nn

from lightexp.errors import ConfigError


@dataclass(frozen=True)
class Answers:
    """logits: N×classes. features: outputs of the layers that were asked for, N×…, by the layers' names. inputs: what the net was
    given, N×…, where it is known."""

    logits: Tensor
    features: dict[str, Tensor] = field(default_factory=dict)
    inputs: Tensor | None = None


def answer(net: nn.Module, inputs: Tensor, layers: tuple[str, ...] = ()) -> Answers:
    """Let `net` answer, once, and listen to `layers`. Of a layer that runs several times the last output counts.

    The answers are float32, also where the net computes in less, so that all losses are.

    Raises:
        ConfigError: there is no layer of that name, it does not run, or it gives no tensor with a row a sample.
    """
    if not layers:
        return Answers(net(inputs).float(), inputs=inputs)
    heard: dict[str, Any] = {}
    modules = {name: _named(net, name) for name in layers}
    handles = [module.register_forward_hook(_listen(heard, name)) for name, module in modules.items()]
    try:
        logits = net(inputs)
    finally:
        for handle in handles:
            handle.remove()
    for name in modules:
        if name not in heard:
            raise ConfigError(f"the layer {name!r} of {type(net).__name__} does not run itself: name one that it consists of")
        if not isinstance(heard[name], Tensor) or heard[name].ndim < 2 or len(heard[name]) != len(inputs):
            raise ConfigError(f"the layer {name!r} of {type(net).__name__} gives no tensor with a row a sample: name another")
    return Answers(logits.float(), {name: output.float() for name, output in heard.items()}, inputs)


def _named(net: nn.Module, name: str) -> nn.Module:
    there = {known: module for known, module in net.named_modules() if known and ".parametrizations" not in f".{known}"}
    if name not in there:
        raise ConfigError(f"{type(net).__name__} has no layer {name!r}; there are: {', '.join(there) or 'none'}")
    return there[name]


def _listen(heard: dict[str, Any], name: str):
    def hook(module: nn.Module, given: Any, output: Any) -> None:
        heard[name] = output

    return hook
