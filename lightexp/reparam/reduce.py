"""Constrained layers for pickle."""

from collections.abc import Callable
from typing import Any

from torch import Tensor, nn
from torch.nn.utils import parametrize


def reduced(module: nn.Module) -> tuple[Callable, tuple] | None:
    """How pickle makes a module with parametrized tensors again, as a `__reduce__` gives it; None for one without any.

    Torch refuses to pickle them, lest a file be read by another version. This is for what is read at once.
    """
    if not parametrize.is_parametrized(module):
        return None
    chains = {name: (links.original, list(links)) for name, links in module.parametrizations.items()}
    state = module.__dict__ | {"_modules": {name: m for name, m in module._modules.items() if name != "parametrizations"}}
    return _again, (parametrize.type_before_parametrizations(module), state, chains)


def _again(kind: type[nn.Module], state: dict[str, Any], chains: dict[str, tuple[Tensor, list[nn.Module]]]) -> nn.Module:
    module = kind.__new__(kind)
    module.__dict__.update(state)
    for name, (original, links) in chains.items():
        module.register_parameter(name, original)
        for link in links:
            parametrize.register_parametrization(module, name, link, unsafe=True)
    return module.train(state["training"])
