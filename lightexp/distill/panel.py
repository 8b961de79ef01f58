"""Several teachers that answer as one."""

from abc import ABC, abstractmethod
from collections.abc import Callable

import torch
from torch import Tensor

from lightexp.distill.answers import Answers
from lightexp.distill.batch import Batch
from lightexp.distill.teacher import Teacher
from lightexp.errors import ConfigError


class Weighting(ABC):
    """How much each of several teachers counts, for each sample."""

    @abstractmethod
    def __call__(self, logits: Tensor, labels: Tensor) -> Tensor:
        """Weights, teachers×N, that add to 1 over the teachers; from their logits, teachers×N×classes."""


class Panel(Teacher):
    """Answers Σ_k w_k·z_k, the weighted mean of the teachers' logits: the geometric mean of what they believe."""

    def __init__(self, teachers: list[Teacher], weighting: Weighting) -> None:
        self._teachers, self._weighting = teachers, weighting

    def kept(self, keep: Callable[[Teacher], Tensor]) -> "Panel":
        return Panel([teacher.kept(keep) for teacher in self._teachers], self._weighting)

    @torch.no_grad()
    def answers(self, batch: Batch | tuple[Tensor, Tensor], layers: tuple[str, ...] = ()) -> Answers:
        if layers:
            raise ConfigError("several teachers have no layers in common: choose one teacher, or a loss of logits")
        logits = torch.stack([teacher(batch) for teacher in self._teachers])
        return Answers((self._weighting(logits, batch[1])[..., None] * logits).sum(0))
