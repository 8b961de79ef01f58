"""The contract of a loss."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import ClassVar

from torch import Tensor, nn

Batch = tuple[Tensor, Tensor]
"""Normalised inputs (N×…, float32) and labels (N, int64)."""

Teacher = Callable[[Batch], Tensor]
"""Gives the logits of a trained net, N×classes, without gradient. Not a module, so that no student can swallow it."""


class Loss(ABC):
    """Turns a batch into a scalar to minimise, and the parts of it that are worth a curve."""

    needs_teacher: ClassVar[bool] = False

    @abstractmethod
    def __call__(self, batch: Batch, student: nn.Module, teacher: Teacher | None) -> tuple[Tensor, dict[str, Tensor]]: ...
