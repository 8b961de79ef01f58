"""Leaving a teacher over time."""

from typing import Annotated

from pydantic import Field

from lightexp.distill.soft_logits import SoftLogits
from lightexp.spec import spec


@spec
class AnnealedSoftLogits(SoftLogits):
    """Soft logits with α(t) = α + (final − α)·t over the training, t in [0, 1) (teacher annealing, Clark et al. 2019).

    alpha, final: the weight of the teacher at the beginning and at the end.
    """

    alpha: Annotated[float, Field(ge=0, le=1)] = 1.0
    final: Annotated[float, Field(ge=0, le=1)] = 0.0

    def at(self, t: float) -> SoftLogits:
        return SoftLogits(self.temperature, self.alpha + (self.final - self.alpha) * t)
