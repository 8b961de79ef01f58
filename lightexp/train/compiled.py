"""A compiled net that is the net."""

from collections.abc import Callable

import torch
from torch import Tensor, nn


def compiled(model: nn.Module) -> Callable[[Tensor], Tensor]:
    """`model` as a function that `torch.compile` makes faster; the net itself, its names and its hooks stay as they are.

    Dropout draws the numbers that it would have drawn.
    """
    # One function is compiled a few times at most, and each fit brings another net.
    torch.compiler.reset()

    def answer(inputs: Tensor) -> Tensor:
        return model(inputs)

    return torch.compile(answer, options={"fallback_random": True})
