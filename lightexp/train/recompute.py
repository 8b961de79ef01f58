"""A part of a net that keeps its inputs for the backward pass and computes the rest again."""

import functools
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.graph import saved_tensors_hooks

from lightexp.errors import TrainingError


class Recomputed(nn.Module):
    """Gives what `part` gives, with gradients of the same bits, and keeps its inputs instead of what autograd saves within it.

    The first tensor that the backward pass asks for lets `part` run once more: on the same inputs, with the same random numbers,
    under the same autocast, and with `moving`, those of its parameters and buffers that a forward pass changes (running means),
    as they stood before the first run. Afterwards they stand as the first run left them. (Chen et al. 2016, "Training deep nets
    with sublinear memory cost".)

    What is kept, and what is computed again, is saved by autograd itself, so `saved_tensors_hooks` outside see it;
    `torch.utils.checkpoint` shows only the former, and would move running means twice.

    Raises:
        TrainingError: in the backward pass, if the second run did not do what the first did.
    """

    def __init__(self, part: nn.Module, moving: list[Tensor]) -> None:
        super().__init__()
        self.part = part
        self._moving = moving

    def forward(self, *inputs: Any) -> Any:
        run = _Run(self.part, inputs, self._moving)
        with saved_tensors_hooks(run.pack, run.unpack):
            return self.part(*inputs)


class _Run:
    """One run of a part: what it takes to repeat it, and what it saved, once that has been computed again."""

    def __init__(self, part: nn.Module, inputs: tuple[Any, ...], moving: list[Tensor]) -> None:
        self._part, self._moving = part, moving
        self._at = [place for place, value in enumerate(inputs) if isinstance(value, Tensor)]
        tensors = [inputs[place] for place in self._at]
        self._given = [None if isinstance(value, Tensor) else value for value in inputs]
        self._kept = _Saved([*tensors, *(tensor.detach().clone() for tensor in moving)])
        self._random, self._autocast = _Random(tensors[0].device), _autocast(tensors[0].device.type)
        self._count = 0
        self._again: _Saved | None = None

    def pack(self, tensor: Tensor) -> int:
        self._count += 1
        return self._count - 1

    def unpack(self, number: int) -> Tensor:
        if self._again is None:
            self._again = self._repeat()
        return self._again.tensors[number]

    def _repeat(self) -> "_Saved":
        inputs, kept, saved = list(self._given), self._kept.tensors, []
        for place, tensor in zip(self._at, kept, strict=False):
            inputs[place] = tensor.detach().requires_grad_(tensor.requires_grad)
        before = kept[len(self._at) :]
        with torch.enable_grad(), self._random.again(), self._autocast, _as_before(self._moving, before):
            # Taken out of this run's graph, which nobody wants.
            with saved_tensors_hooks(lambda tensor: saved.append(tensor.detach()), lambda nothing: None):
                self._part(*inputs)
        if len(saved) != self._count:
            raise TrainingError(
                "a part of the net did something else when it was computed again for its gradient: make its forward a function "
                "of its input, parameters, buffers and torch's random numbers, or set trainer.checkpointing=null"
            )
        return _Saved(saved)


class _Saved:
    """Holds tensors as autograd holds those that it saves, until it is gone itself."""

    def __init__(self, tensors: list[Tensor]) -> None:
        with torch.enable_grad():
            self._node = _Save.apply(torch.empty(0, requires_grad=True), *tensors).grad_fn

    @functools.cached_property
    def tensors(self) -> tuple[Tensor, ...]:
        return self._node.saved_tensors


class _Save(torch.autograd.Function):
    @staticmethod
    def forward(ctx, empty: Tensor, *tensors: Tensor) -> Tensor:
        ctx.save_for_backward(*tensors)
        return empty.clone()

    @staticmethod
    def backward(ctx, grad: Tensor):
        raise AssertionError("nothing is computed from this")


class _Random:
    """The state of torch's global generators, on the CPU and on the device, at one moment."""

    def __init__(self, device: torch.device) -> None:
        self._devices = [device] if device.type == "cuda" else []
        self._states = [torch.get_rng_state(), *map(torch.cuda.get_rng_state, self._devices)]

    @contextmanager
    def again(self) -> Iterator[None]:
        """As they were then; afterwards as they are now."""
        with torch.random.fork_rng(self._devices):
            torch.set_rng_state(self._states[0])
            for device, state in zip(self._devices, self._states[1:], strict=True):
                torch.cuda.set_rng_state(state, device)
            yield


def _autocast(kind: str) -> torch.autocast:
    """The autocast that holds now for that kind of device, or that there is none."""
    return torch.autocast(
        kind, torch.get_autocast_dtype(kind), torch.is_autocast_enabled(kind), torch.is_autocast_cache_enabled()
    )


@contextmanager
def _as_before(moving: list[Tensor], before: tuple[Tensor, ...]) -> Iterator[None]:
    """With `moving` as they were then; afterwards as they are now."""
    after = [tensor.detach().clone() for tensor in moving]
    _set(moving, before)
    yield
    _set(moving, after)


@torch.no_grad()
def _set(tensors: Iterable[Tensor], values: Iterable[Tensor]) -> None:
    for tensor, value in zip(tensors, values, strict=True):
        tensor.copy_(value)
