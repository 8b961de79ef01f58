"""Augmentations of whole image batches: raw N×C×H×W tensors in, tensors of the same shape and dtype out.

They run before normalisation, so 0 is the background. All randomness comes from the generator that is passed in.
"""

import torch
from pydantic import NonNegativeInt
from torch import Generator, Tensor
from torch.nn.functional import pad

from lightexp.errors import DataError
from lightexp.spec import spec


@spec
class Shift:
    """Moves each image by up to `pixels` in both directions and fills what comes in with 0."""

    pixels: NonNegativeInt = 2

    def __call__(self, x: Tensor, generator: Generator | None = None) -> Tensor:
        _require_images(x, self)
        return _random_windows(pad(x, [self.pixels] * 4), self.pixels, generator)


@spec
class Flip:
    """Mirrors each image left to right with probability one half."""

    def __call__(self, x: Tensor, generator: Generator | None = None) -> Tensor:
        _require_images(x, self)
        flipped = _randint(2, (len(x), 1, 1, 1), x.device, generator).bool()
        return torch.where(flipped, x.flip(-1), x)


@spec
class Crop:
    """Extends each image by `padding` pixels on every side, mirrored at its edges, and crops it back at a random place."""

    padding: NonNegativeInt = 4

    def __call__(self, x: Tensor, generator: Generator | None = None) -> Tensor:
        _require_images(x, self)
        height, width = x.shape[2:]
        if self.padding >= min(height, width):
            raise DataError(f"{self} mirrors beyond a {height}×{width} image: choose a padding below {min(height, width)}")
        # Torch mirrors no bytes; a float holds each byte exactly.
        mirrored = pad(x.float(), [self.padding] * 4, mode="reflect").to(x.dtype)
        return _random_windows(mirrored, self.padding, generator)


def _require_images(x: Tensor, augmentation: object) -> None:
    if x.ndim != 4:
        raise DataError(f"{augmentation} works on images, but a sample here has shape {tuple(x.shape[1:])}: use augment=none")


def _randint(high: int, shape: tuple[int, ...], device: torch.device, generator: Generator | None) -> Tensor:
    """Integers in [0, high) on `device`, drawn where the generator lives."""
    return torch.randint(high, shape, generator=generator, device=generator.device if generator else device).to(device)


def _random_windows(padded: Tensor, padding: int, generator: Generator | None) -> Tensor:
    """One random window of the size before padding from each of the padded images."""
    height, width = padded.shape[2] - 2 * padding, padded.shape[3] - 2 * padding
    top, left = _randint(2 * padding + 1, (2, len(padded)), padded.device, generator)
    windows = padded.unfold(2, height, 1).unfold(3, width, 1)
    return windows[torch.arange(len(padded), device=padded.device), :, top, left]
