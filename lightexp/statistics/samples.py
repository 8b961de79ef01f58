"""The training samples on which criteria and quantizers measure, and what they get."""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Generator, Tensor

from lightexp.data import Splits

BATCH_SIZE = 128

Figures = dict[str, dict[str, Tensor]]
"""Layer → field of `Statistics` → what was measured."""


@dataclass(frozen=True)
class Samples:
    """Batches of inputs and labels, not augmented: `order` are indices into the training part."""

    data: Splits
    order: Tensor

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        return (self.data.batch(self.data.train, index) for index in self.order.split(BATCH_SIZE))

    def __len__(self) -> int:
        return math.ceil(len(self.order) / BATCH_SIZE)


def draw(data: Splits, batches: int, generator: Generator) -> Samples:
    """Training samples drawn without return, in batches of 128; fewer where there are no more."""
    order = torch.randperm(len(data.train), generator=generator)[: batches * BATCH_SIZE]
    return Samples(data, order.to(data.train.x.device))
