"""The contract of a criterion."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar

from torch import Generator, Tensor


@dataclass(frozen=True)
class Statistics:
    """What a criterion may ask for beside the weight itself.

    generator: random numbers of the stage's own seed.
    gradient, mean_gradient, squared_gradient: means over training batches of |∂L/∂w|, ∂L/∂w and (∂L/∂w)², of the weight's
        shape; None unless the criterion needs one of them.
    """

    generator: Generator
    gradient: Tensor | None = None
    mean_gradient: Tensor | None = None
    squared_gradient: Tensor | None = None


class Criterion(ABC):
    """Scores each weight of a layer: same shape, larger means keep."""

    needs: ClassVar[frozenset[str]] = frozenset()
    """Names of the fields of `Statistics` that must be measured on training data first."""

    @abstractmethod
    def __call__(self, weight: Tensor, statistics: Statistics) -> Tensor: ...
