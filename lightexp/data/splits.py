"""A data set in memory: its three parts, their statistics, the content address, and the way to a normalised batch."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Generator, Tensor

from lightexp.data.augment import FiniteAugmentation, InTurn
from lightexp.data.check import checked_inputs, checked_labels
from lightexp.errors import DataError
from lightexp.spec import describe, digest

_SPLIT_SEED = 0  # never the run's seed: runs with different seeds have to be compared on the same samples
_CHUNK = 1024  # samples that are held as float64 at a time


@dataclass(frozen=True, eq=False)
class Split:
    """Samples `x` (uint8 or float32, N×C×H×W or N×F, not normalised) and labels `y` (int64, N)."""

    x: Tensor
    y: Tensor

    def __len__(self) -> int:
        return len(self.y)

    def at(self, index: Tensor) -> tuple[Tensor, Tensor]:
        """x and y of the samples at `index` (int64, B)."""
        index = index.to(self.y.device)
        # index_select is several times as fast as x[index] for byte samples.
        return self.x.index_select(0, index), self.y.index_select(0, index)

    def to(self, device: torch.device | str) -> "Split":
        """The same samples on `device`."""
        return Split(self.x.to(device), self.y.to(device))


@dataclass(frozen=True, eq=False)
class Splits:
    """A data set ready for training; made by `split`.

    `mean` and `std` are those of the train part, one value per image channel or one for all features, with uint8 scaled to
    [0, 1]. `fingerprint` is the SHA-256 of the samples, labels, statistics and augmentations, whatever they are called and
    wherever they came from.
    """

    name: str
    train: Split
    val: Split
    test: Split
    classes: int
    mean: tuple[float, ...]
    std: tuple[float, ...]
    augment: tuple[Callable[[Tensor, Generator | None], Tensor], ...]
    fingerprint: str

    @property
    def input_shape(self) -> tuple[int, ...]:
        """Shape of one sample, (C, H, W) or (F,)."""
        return tuple(self.train.x.shape[1:])

    @property
    def views(self) -> int | None:
        """How many views the augmentations make of a training sample, 1 without any; None if that is not known."""
        return self._in_turn.views if self._in_turn else None

    def batch(self, split: Split, index: Tensor) -> tuple[Tensor, Tensor]:
        """The samples of `split` at `index` (int64, B): normalised float32 x (B×…) and y (B)."""
        x, y = split.at(index)
        return self.normalise(x), y

    def augmented_batch(self, index: Tensor, generator: Generator | None) -> tuple[Tensor, Tensor, Tensor | None]:
        """Training samples at `index` in views that are drawn: normalised x, y, and the rows, view · N + index of N samples.

        The rows (int64, B) name each view of each sample; they are None where `views` is.
        """
        x, y = self.train.at(index)
        if not self._in_turn:
            for step in self.augment:
                x = step(x, generator)
            return self.normalise(x), y, None
        which = self._in_turn.draw(len(y), y.device, generator)
        return self.normalise(self._in_turn.view(x, which)), y, which * len(self.train) + index.to(y.device)

    def view(self, index: Tensor, which: int) -> tuple[Tensor, Tensor]:
        """Training samples at `index` in one of their `views`: normalised x, and y."""
        x, y = self.train.at(index)
        return self.normalise(self._in_turn.view(x, torch.full_like(y, which))), y

    def normalise(self, x: Tensor) -> Tensor:
        """(x - mean) / std as a new float32 tensor; `x` (B×…) is raw, in the data set's own dtype and on its device."""
        scale, shift = self._affine
        return (x * scale).add_(shift)

    def to(self, device: torch.device | str) -> "Splits":
        """The same data set on `device`."""
        return replace(self, train=self.train.to(device), val=self.val.to(device), test=self.test.to(device))

    @cached_property
    def _in_turn(self) -> InTurn | None:
        finite = all(isinstance(step, FiniteAugmentation) for step in self.augment)
        return InTurn(self.augment) if finite else None

    @cached_property
    def _affine(self) -> tuple[Tensor, Tensor]:
        """Scale and shift such that x·scale + shift is the normalised x, shaped to broadcast over samples."""
        x = self.train.x
        shape = (-1, *[1] * (x.ndim - 2))
        mean, std = (torch.tensor(values, device=x.device).view(shape) for values in (self.mean, self.std))
        return 1 / (std * _unit(x)), -mean / std


def split(
    name: str,
    x_train: ArrayLike,
    y_train: ArrayLike,
    x_test: ArrayLike,
    y_test: ArrayLike,
    *,
    validation: float,
    augment: Sequence[Callable] = (),
) -> Splits:
    """Checks four arrays and cuts the validation part, a stratified fraction `validation` of train, from the train part.

    x is N×F, N×H×W, N×H×W×C or N×C×H×W with C in 1, 3, 4, as uint8 or float; y holds the integers 0 … classes-1.

    Raises:
        DataError: the arrays are no such data set, or an augmentation does not fit their samples.
    """
    x_train, x_test = checked_inputs(name, x_train, x_test)
    y_train, y_test, classes = checked_labels(name, y_train, y_test, lengths=(len(x_train), len(x_test)))
    kept, held = stratify(y_train, validation)
    if not len(held):
        raise DataError(
            f"{name}: validation={validation} of {len(y_train)} training samples is none at all: raise data.validation"
        )
    train, val = (Split(torch.tensor(x_train[rows]), torch.tensor(y_train[rows])) for rows in (kept, held))
    test = Split(torch.tensor(x_test), torch.tensor(y_test))
    augment = tuple(augment)
    try_augmentations(name, augment, train.x[:2].clone())
    mean, std = _moments(train.x)
    fingerprint = _fingerprint((train, val, test), mean, std, augment)
    return Splits(name, train, val, test, classes, mean, std, augment, fingerprint)


def stratify(y: np.ndarray, fraction: float) -> tuple[np.ndarray, np.ndarray]:
    """Sorted indices (kept, held out), with `fraction` of every class held out but never all of it; the same ones each time.

    Raises:
        DataError: `fraction` is not between 0 and 1.
    """
    if not 0 < fraction < 1:
        raise DataError(f"validation={fraction} is not a fraction of the training samples: choose one between 0 and 1, as 0.1")
    random = np.random.RandomState(_SPLIT_SEED)  # the only NumPy generator whose stream is promised never to change
    held = np.zeros(len(y), dtype=bool)
    for label in np.unique(y):
        members = np.flatnonzero(y == label)
        held[random.permutation(members)[: min(round(fraction * len(members)), len(members) - 1)]] = True
    return np.flatnonzero(~held), np.flatnonzero(held)


def try_augmentations(name: str, augment: tuple[Callable, ...], x: Tensor) -> None:
    """Runs each augmentation once, so that one that does not fit fails on loading and not in the middle of a training."""
    for step in augment:
        out = step(x, torch.Generator().manual_seed(0))
        if (out.shape, out.dtype) != (x.shape, x.dtype):
            raise DataError(
                f"{name}: augmentation {step} turns {x.dtype} {tuple(x.shape)} into {out.dtype} {tuple(out.shape)}: "
                "it must keep dtype and shape"
            )


def _unit(x: Tensor) -> int:
    """The raw value that stands for 1."""
    return 255 if x.dtype == torch.uint8 else 1


def _moments(x: Tensor) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Mean and standard deviation per channel (or of all features), to 4 decimals; a std of 0 is given as 1."""
    x = x.flatten(2) if x.ndim == 4 else x[:, None]
    count = x.numel() // x.shape[1]
    mean = sum(part.sum((0, 2), dtype=torch.float64) for part in x.split(_CHUNK)) / count
    variance = sum((part - mean[:, None]).square().sum((0, 2)) for part in x.split(_CHUNK)) / count
    # Adding 0.0 turns -0.0 into 0.0, so that noise around a zero mean leaves the fingerprint alone.
    return (
        tuple(round(value, 4) + 0.0 for value in (mean / _unit(x)).tolist()),
        tuple(round(value, 4) or 1.0 for value in (variance.sqrt() / _unit(x)).tolist()),
    )


def _fingerprint(parts: tuple[Split, ...], mean: tuple[float, ...], std: tuple[float, ...], augment: tuple) -> str:
    sha = hashlib.sha256(digest(mean, std, describe(augment)).encode())
    for tensor in (tensor for part in parts for tensor in (part.x, part.y)):
        sha.update(f"{tensor.dtype}{tuple(tensor.shape)}".encode())
        sha.update(tensor.numpy())
    return sha.hexdigest()
