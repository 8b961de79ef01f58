"""The contract of an amount to take away."""

from abc import ABC, abstractmethod
from dataclasses import replace
from typing import Annotated, ClassVar

from pydantic import Field
from torch import nn

from lightexp.spec import spec


@spec
class Amount(ABC):
    """How much of a net is to go, and what that is measured in.

    share: of what the net costs as it was built, in [0, 1): what goes is the least that is no less.
    exact: whether it is counted, and costs little to ask for; else it is measured, and what goes may be a little more.
    """

    exact: ClassVar[bool] = True

    share: Annotated[float, Field(ge=0, lt=1)] = 0.5

    @abstractmethod
    def of(self, net: nn.Module, input_shape: tuple[int, ...]) -> float:
        """What a plain net costs; taking channels away never makes it more."""

    def check(self) -> None:
        """Complain now, before anything is trained, of packages that are not installed."""

    def partway(self, done: float) -> "Amount":
        """What is to be gone after a share of the way: 1 − (1 − share)^done."""
        return self if done == 1 else replace(self, share=1 - (1 - self.share) ** done)
