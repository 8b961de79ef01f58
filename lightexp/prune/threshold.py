from typing import Annotated, ClassVar

from pydantic import Field
from torch import Tensor

from lightexp.prune.allocation import Allocation
from lightexp.spec import spec


@spec
class Threshold(Allocation):
    """Everything that scores at most τ goes, so the sparsity is found, not asked for."""

    takes_sparsity: ClassVar[bool] = False

    tau: Annotated[float, Field(ge=0)] = 0.01

    def __call__(self, scores: dict[str, Tensor], sparsity: float | None) -> dict[str, Tensor]:
        return {name: layer > self.tau for name, layer in scores.items()}
