"""Augmentations of whole image batches: raw N×C×H×W tensors in, tensors of the same shape and dtype out.

They run before normalisation, so 0 is the background. All randomness comes from the generator that is passed in.
"""

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from pydantic import NonNegativeInt
from torch import Generator, Tensor
from torch.nn.functional import pad

from lightexp.errors import DataError
from lightexp.spec import spec


class FiniteAugmentation(ABC):
    """Gives each image one of finitely many `views` of it, so that a teacher need answer to each of them only once."""

    @property
    @abstractmethod
    def views(self) -> int:
        """How many views an image has; two of them may look alike."""

    @abstractmethod
    def view(self, x: Tensor, which: Tensor) -> Tensor:
        """Of each image the view of that number; which: N, int64, each in [0, views)."""

    def draw(self, count: int, device: torch.device, generator: Generator | None) -> Tensor:
        """Numbers of views for so many images, each view as likely as any other."""
        return _randint(self.views, (count,), device, generator)

    def __call__(self, x: Tensor, generator: Generator | None = None) -> Tensor:
        return self.view(x, self.draw(len(x), x.device, generator))


class _Windows(FiniteAugmentation):
    """Views that are the windows of an image's size in the image with a margin around it, numbered row by row."""

    margin: int

    @abstractmethod
    def extend(self, x: Tensor) -> Tensor:
        """The images with the margin on every side."""

    @property
    def views(self) -> int:
        return (2 * self.margin + 1) ** 2

    def draw(self, count: int, device: torch.device, generator: Generator | None) -> Tensor:
        top, left = _randint(2 * self.margin + 1, (2, count), device, generator)
        return top * (2 * self.margin + 1) + left

    def view(self, x: Tensor, which: Tensor) -> Tensor:
        _require_images(x, self)
        top, left = which // (2 * self.margin + 1), which % (2 * self.margin + 1)
        windows = self.extend(x).unfold(2, x.shape[2], 1).unfold(3, x.shape[3], 1)
        return windows[torch.arange(len(x), device=x.device), :, top, left]


@spec
class Shift(_Windows):
    """Moves each image by up to `pixels` in both directions and fills what comes in with 0."""

    pixels: NonNegativeInt = 2

    @property
    def margin(self) -> int:
        return self.pixels

    def extend(self, x: Tensor) -> Tensor:
        return pad(x, [self.pixels] * 4)


@spec
class Flip(FiniteAugmentation):
    """Mirrors each image left to right with probability one half."""

    views = 2

    def view(self, x: Tensor, which: Tensor) -> Tensor:
        _require_images(x, self)
        return torch.where(which.bool()[:, None, None, None], x.flip(-1), x)


@spec
class Crop(_Windows):
    """Extends each image by `padding` pixels on every side, mirrored at its edges, and crops it back at a random place."""

    padding: NonNegativeInt = 4

    @property
    def margin(self) -> int:
        return self.padding

    def extend(self, x: Tensor) -> Tensor:
        height, width = x.shape[2:]
        if self.padding >= min(height, width):
            raise DataError(f"{self} mirrors beyond a {height}×{width} image: choose a padding below {min(height, width)}")
        # Torch mirrors no bytes; a float holds each byte exactly.
        return pad(x.float(), [self.padding] * 4, mode="reflect").to(x.dtype)


@dataclass(frozen=True)
class InTurn(FiniteAugmentation):
    """Augmentations one after the other; a view of it is a view of each, the last of them counting fastest."""

    steps: Sequence[FiniteAugmentation]

    @property
    def views(self) -> int:
        return math.prod(step.views for step in self.steps)

    def draw(self, count: int, device: torch.device, generator: Generator | None) -> Tensor:
        which = torch.zeros(count, dtype=torch.int64, device=device)
        for step in self.steps:
            which = which * step.views + step.draw(count, device, generator)
        return which

    def view(self, x: Tensor, which: Tensor) -> Tensor:
        slower = self.views
        for step in self.steps:
            slower //= step.views
            x = step.view(x, which // slower % step.views)
        return x


def _require_images(x: Tensor, augmentation: object) -> None:
    if x.ndim != 4:
        raise DataError(f"{augmentation} works on images, but a sample here has shape {tuple(x.shape[1:])}: use augment=none")


def _randint(high: int, shape: tuple[int, ...], device: torch.device, generator: Generator | None) -> Tensor:
    """Integers in [0, high) on `device`, drawn where the generator lives."""
    return torch.randint(high, shape, generator=generator, device=generator.device if generator else device).to(device)
