"""The contract of a criterion."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar

from torch import Generator, Tensor, nn


@dataclass(frozen=True)
class Statistics:
    """What a criterion may ask for beside the weight itself, for one layer; what it does not need is None.

    L is the cross-entropy, in evaluation mode; a unit is a neuron or a filter, one index of the weight's dimension 0, and its
    output that of the batch normalisation behind the layer if there is one, and then of a ReLU.

    generator: random numbers of the stage's own seed.
    gradient, mean_gradient, squared_gradient: means over training batches of |∂L/∂w|, ∂L/∂w and (∂L/∂w)², of the weight's
        shape.
    hessian_gradient: H·g of the weight's shape, H and g the Hessian and the gradient of the mean L of the batches by all
        prunable weights.
    flow_gradient: ∂R/∂|w|, float64, of the weight's shape; R is the sum of what the net of absolute values answers to ones.
    movement: −w·∂L/∂w of the weight's shape: the sum over the steps of the fit where there is one, else of the mean gradient.
    input_norm: for each weight the norm ‖x‖₂ of all that it was multiplied with, over samples and positions; of its shape.
    unit_outputs: samples × units, means over positions. zero_share: of each unit's outputs the share that is 0.
    batch_norm_scale: γ of each unit in the batch normalisation behind the layer; 1 where there is none.
    """

    generator: Generator
    gradient: Tensor | None = None
    mean_gradient: Tensor | None = None
    squared_gradient: Tensor | None = None
    hessian_gradient: Tensor | None = None
    flow_gradient: Tensor | None = None
    movement: Tensor | None = None
    input_norm: Tensor | None = None
    unit_outputs: Tensor | None = None
    zero_share: Tensor | None = None
    batch_norm_scale: Tensor | None = None


class Criterion(ABC):
    """Scores each weight of a layer: same shape, larger means keep."""

    needs: ClassVar[frozenset[str]] = frozenset()
    """Names of the fields of `Statistics` that must be measured on training data first."""

    def check(self, model: nn.Module) -> None:
        """Complain, before anything is trained, of a net that lacks what is to be measured."""

    @abstractmethod
    def __call__(self, weight: Tensor, statistics: Statistics) -> Tensor: ...


def of_units(scores: Tensor, weight: Tensor) -> Tensor:
    """One score a unit, given to each of its weights."""
    return scores.reshape(-1, *[1] * (weight.dim() - 1)).expand_as(weight)
