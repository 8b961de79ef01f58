from typing import Annotated, ClassVar

import torch
from pydantic import Field
from torch import Tensor

from lightexp.errors import ConfigError
from lightexp.prune.allocation import Allocation
from lightexp.spec import spec


@spec
class NofM(Allocation):
    """Of every m consecutive weights of a row the largest n stay, such as 2:4, which GPUs multiply at speed (Mishra et al. 2021).

    A row is all that feeds one output: the inputs of a neuron; channels × kernel of a filter.
    """

    takes_sparsity: ClassVar[bool] = False

    n: Annotated[int, Field(ge=1)] = 2
    m: Annotated[int, Field(ge=2)] = 4

    def __post_init__(self) -> None:
        if self.n >= self.m:
            raise ConfigError(f"{self.n}:{self.m} prunes nothing: n must be smaller than m")

    def check(self, weights: dict[str, Tensor], sparsity: float | None) -> None:
        for name, weight in weights.items():
            if weight[0].numel() % self.m:
                raise ConfigError(f"layer {name} has rows of {weight[0].numel()} weights, which {self.m} does not divide")

    def __call__(self, scores: dict[str, Tensor], sparsity: float | None) -> dict[str, Tensor]:
        return {name: self._mask(layer) for name, layer in scores.items()}

    def _mask(self, scores: Tensor) -> Tensor:
        groups = scores.reshape(-1, self.m)
        best = groups.argsort(dim=1, descending=True, stable=True)[:, : self.n]
        kept = torch.zeros_like(groups, dtype=torch.bool).scatter_(1, best, True)
        return kept.reshape(scores.shape) & ~scores.isneginf()
