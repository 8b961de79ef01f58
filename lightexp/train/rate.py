"""Learning rates over time, as pure functions, so that a resumed training needs no state of theirs."""

import math
from abc import ABC, abstractmethod
from typing import Annotated

from pydantic import Field

from lightexp.spec import spec


class Rate(ABC):
    """Multiplies the optimizer's learning rate by a factor of the training's progress t in [0, 1)."""

    @abstractmethod
    def __call__(self, t: float) -> float: ...


@spec
class Constant(Rate):
    """1 throughout."""

    def __call__(self, t: float) -> float:
        return 1.0


@spec
class Cosine(Rate):
    """final + (1 − final)·(1 + cos πt)/2 (Loshchilov & Hutter 2017), after a linear warm-up over the first share of steps."""

    final: Annotated[float, Field(ge=0, le=1)] = 0.0
    warmup: Annotated[float, Field(ge=0, lt=1)] = 0.0

    def __call__(self, t: float) -> float:
        if t < self.warmup:
            return t / self.warmup
        return self.final + (1 - self.final) * (1 + math.cos(math.pi * (t - self.warmup) / (1 - self.warmup))) / 2


@spec
class Step(Rate):
    """gamma^(number of milestones passed), the milestones as shares of the training."""

    milestones: tuple[float, ...] = (0.5, 0.75)
    gamma: Annotated[float, Field(gt=0)] = 0.1

    def __call__(self, t: float) -> float:
        return self.gamma ** sum(t >= milestone for milestone in self.milestones)


@spec
class OneCycle(Rate):
    """Up from `start` to 1 at the peak and down to `final`, both along cosines (Smith & Topin 2018); 1 is the rate at the peak."""

    peak: Annotated[float, Field(gt=0, lt=1)] = 0.3
    start: Annotated[float, Field(ge=0, le=1)] = 0.04
    final: Annotated[float, Field(ge=0, le=1)] = 0.0

    def __call__(self, t: float) -> float:
        low, share = (self.start, 1 - t / self.peak) if t < self.peak else (self.final, (t - self.peak) / (1 - self.peak))
        return low + (1 - low) * (1 + math.cos(math.pi * share)) / 2
