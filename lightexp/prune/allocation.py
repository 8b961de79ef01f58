"""The contract of an allocation."""

from abc import ABC, abstractmethod
from typing import ClassVar

import torch
from torch import Tensor

from lightexp.errors import ConfigError
from lightexp.ops.select import keep_largest


class Allocation(ABC):
    """Turns the scores of all layers into masks of the same shapes: True is kept.

    Scores of weights that are already pruned are -inf.
    """

    takes_sparsity: ClassVar[bool] = True
    """Whether it cuts to a share of zeros that the stage asks for; if not, it knows its own amount."""

    def check(self, weights: dict[str, Tensor], sparsity: float | None) -> None:
        """Complain, before anything is trained, of layers that it cannot cut, or not to that sparsity."""

    def partway(self, share: float) -> "Allocation":
        """What a round on the way to the amount cuts with: where it knows its own, to density ** share.

        Raises:
            ConfigError: it finds its own amount, and so cannot stop on the way.
        """
        if not self.takes_sparsity:
            raise ConfigError(
                f"pruning in rounds needs an amount to go to; {type(self).__name__} finds its own: it fits only `Prune`"
            )
        return self

    @abstractmethod
    def __call__(self, scores: dict[str, Tensor], sparsity: float | None) -> dict[str, Tensor]: ...


def keep_largest_overall(scores: dict[str, Tensor], sparsity: float) -> dict[str, Tensor]:
    """Keep the largest n − round(sparsity·n) of the n scores of all layers taken together."""
    flat = torch.cat([layer.reshape(-1) for layer in scores.values()])
    kept = keep_largest(flat, flat.numel() - round(sparsity * flat.numel()))
    parts = kept.split([layer.numel() for layer in scores.values()])
    return {name: part.reshape(layer.shape) for (name, layer), part in zip(scores.items(), parts, strict=True)}
