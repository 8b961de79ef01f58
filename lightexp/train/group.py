"""The processes that take a step together."""

from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn

from lightexp.distill import Batch
from lightexp.train.parts import cut

NORMS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d, nn.SyncBatchNorm)


class Alone:
    """One process, which takes all of every batch."""

    rank = 0

    def share(self, batch: Batch) -> tuple[Batch, float]:
        """This process's samples of a batch, and what share of the batch's mean is theirs."""
        return batch, 1.0

    def add_up(self, tensors: Iterable[Tensor]) -> None:
        """Make each tensor the sum of those of all processes."""

    def first_says(self, ask: Callable[[], Any]) -> Any:
        """What the first process finds, for all of them."""
        return ask()

    def diverge(self, seed: int) -> None:
        """From here on let torch's global generator draw in each process for itself."""

    def prepare(self, model: nn.Module) -> None:
        """Let what looks at a whole batch look beyond this process's share of it."""

    def release(self, model: nn.Module) -> None:
        """Let the net work without the other processes again."""


class Group(Alone):
    """This process among all of torch's process group, each of which holds the same net and takes a share of every batch.

    The loss is Σ_r (n_r/n)·L_r over the processes' shares of n_r of n samples, so its gradient is the sum of theirs.
    """

    def __init__(self, rank: int, size: int) -> None:
        self.rank, self.size = rank, size

    def share(self, batch: Batch) -> tuple[Batch, float]:
        samples = len(batch[1])
        if samples < self.size:
            # Too few to go round: everyone takes all of them, for a part of their weight.
            return batch, 1 / self.size
        first, last = (samples * rank // self.size for rank in (self.rank, self.rank + 1))
        return cut(batch, first, last), (last - first) / samples

    def add_up(self, tensors: Iterable[Tensor]) -> None:
        tensors = list(tensors)
        flat = torch.cat([tensor.reshape(-1) for tensor in tensors])
        dist.all_reduce(flat)
        for tensor, total in zip(tensors, flat.split([tensor.numel() for tensor in tensors]), strict=True):
            tensor.copy_(total.view_as(tensor))

    def first_says(self, ask: Callable[[], Any]) -> Any:
        said = [ask() if self.rank == 0 else None]
        dist.broadcast_object_list(said)
        return said[0]

    def diverge(self, seed: int) -> None:
        if self.rank:
            torch.manual_seed(seed + (self.rank << 50))

    def prepare(self, model: nn.Module) -> None:
        for module in model.modules():
            if isinstance(module, NORMS):
                module.forward = partial(_normalise, module)

    def release(self, model: nn.Module) -> None:
        for module in model.modules():
            if isinstance(module, NORMS):
                del module.forward


class _Total(torch.autograd.Function):
    """The sum of a tensor over all processes; every process's loss depends on it, so their gradients add up too."""

    @staticmethod
    def forward(ctx, tensor: Tensor) -> Tensor:
        total = tensor.clone()
        dist.all_reduce(total)
        return total

    @staticmethod
    def backward(ctx, grad: Tensor) -> Tensor:
        return _Total.apply(grad)


def _normalise(norm: nn.Module, x: Tensor) -> Tensor:
    """Batch normalisation by the mean and variance of the whole batch; torch's own of this kind is for GPUs alone."""
    if not norm.training:
        return type(norm).forward(norm, x)
    dims, shape = [0, *range(2, x.dim())], (-1, *[1] * (x.dim() - 2))
    values = x.float()
    total = _Total.apply(torch.cat([values.sum(dims), values.new_full((1,), values.numel() / values.shape[1])]))
    mean, count = total[:-1] / total[-1], total[-1].detach()
    centred = values - mean.view(shape)
    variance = _Total.apply(centred.square().sum(dims)) / count
    if norm.track_running_stats:
        with torch.no_grad():
            norm.num_batches_tracked += 1
            momentum = 1 / float(norm.num_batches_tracked) if norm.momentum is None else norm.momentum
            norm.running_mean.lerp_(mean, momentum)
            norm.running_var.lerp_(variance * count / (count - 1), momentum)
    given = centred * (variance + norm.eps).rsqrt().view(shape)
    if norm.affine:
        given = given * norm.weight.view(shape) + norm.bias.view(shape)
    return given.to(x.dtype)
