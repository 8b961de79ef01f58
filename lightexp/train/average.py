"""Averaged weights."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import get_ema_multi_avg_fn


class Average(nn.Module):
    """The moving average of a net over the steps t = 0, 1 … of a fit: v̄ ← d·v̄ + (1 − d)·v with d = min(decay, (1 + t)/(10 + t)).

    (Averaging: Polyak & Juditsky 1992; exponentially, as a better net at no cost: Tarvainen & Valpola 2017.) The rising d lets
    the start be forgotten in short fits too. v are all parameters and the statistics of batch normalisation. What stands in
    parametrizations without being trained, as masks and codes, is never averaged: the net reads v̄ through the masks and
    quantizers of the moment, so pruned weights stay 0 and quantized ones on their levels.

    A module of buffers, so that checkpoints hold it; it does not hold the net.
    """

    def __init__(self, model: nn.Module, decay: float) -> None:
        super().__init__()
        self.decay = decay
        for number, tensor in enumerate(_averaged(model)):
            self.register_buffer(str(number), tensor.clone())

    def update(self, model: nn.Module, step: int) -> None:
        """Take in the net as it stands after that step."""
        decay = min(self.decay, (1 + step) / (10 + step))
        get_ema_multi_avg_fn(decay)(list(self.buffers()), _averaged(model), None)

    @contextmanager
    def shown_by(self, model: nn.Module) -> Iterator[None]:
        """Let the net be the average for a while."""
        self._exchange(model)
        try:
            yield
        finally:
            self._exchange(model)

    @torch.no_grad()
    def give_to(self, model: nn.Module) -> None:
        """Make the net the average for good."""
        for tensor, average in zip(_averaged(model), self.buffers(), strict=True):
            tensor.copy_(average)

    @torch.no_grad()
    def _exchange(self, model: nn.Module) -> None:
        for tensor, average in zip(_averaged(model), self.buffers(), strict=True):
            kept = tensor.clone()
            tensor.copy_(average)
            average.copy_(kept)


def _averaged(model: nn.Module) -> list[Tensor]:
    statistics = (tensor for name, tensor in model.named_buffers() if ".parametrizations." not in f".{name}")
    return [tensor.detach() for tensor in (*model.parameters(), *statistics) if tensor.is_floating_point()]
