"""Losses that add up by weights."""

from dataclasses import field
from typing import Annotated

from pydantic import Field
from torch import Tensor, nn

from lightexp.distill.joint import Joint
from lightexp.distill.loss import Parts
from lightexp.errors import ConfigError
from lightexp.spec import spec


@spec
class Sum(Joint):
    """Σ_i w_i·L_i. weights: w_i ≥ 0 by the losses' names; 1 where there is none."""

    weights: dict[str, Annotated[float, Field(ge=0)]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in self.weights:
            if name not in self.losses:
                raise ConfigError(f"weights name the loss {name!r}, which is not there; there are: {', '.join(self.losses)}")

    def total(self, values: dict[str, Tensor], own: nn.ModuleDict | None) -> tuple[Tensor, Parts]:
        return sum(self.weights.get(name, 1.0) * value for name, value in values.items()), {}
