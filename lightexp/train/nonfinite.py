"""Where a net went wrong."""

from typing import Any

import torch
from torch import Tensor, nn


@torch.no_grad()
def first_nonfinite(model: nn.Module, inputs: Tensor) -> str:
    """The first module, in the order of the forward pass, that gives a number that is none."""
    found: list[str] = []

    def look(name: str):
        def hook(module: nn.Module, given: Any, output: Any) -> None:
            if not found and isinstance(output, Tensor) and not output.isfinite().all():
                found.append(name.partition(".parametrizations.")[0])

        return hook

    leaves = [(name, module) for name, module in model.named_modules() if name and not any(module.children())]
    whole = [(name, module) for name, module in model.named_modules() if hasattr(module, "parametrizations")]
    handles = [module.register_forward_hook(look(name)) for name, module in leaves + whole]
    model(inputs)
    for handle in handles:
        handle.remove()
    return f"layer {found[0]}" if found else "the loss itself (the net's output is finite)"
