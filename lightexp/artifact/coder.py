"""How positions and values become bytes: what every coder has."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from typing import ClassVar

import numpy as np

from lightexp.artifact.layer import Layer
from lightexp.spec import spec

Numbered = tuple[Layer, np.ndarray]
"""A layer and its numbers, the matrix of its shape: integer codes, or float32."""


@spec
class Coder(ABC):
    """Writes the numbers of all coded layers as two strings of bytes, and reads them back from these alone.

    Its fields are whole numbers, 0 or more; a file names its coder by `tag` and them.
    """

    tag: ClassVar[int]

    @abstractmethod
    def encode(self, layers: Iterable[Numbered]) -> tuple[bytes, bytes]:
        """What says where the non-zeros are, and what says what they are."""

    @abstractmethod
    def decode(self, layers: Iterable[Layer], positions: bytes, values: bytes) -> Iterator[np.ndarray]:
        """The numbers of each layer in turn.

        Raises:
            ArtifactError: no `encode` of this coder wrote these bytes for these layers.
        """

    @abstractmethod
    def ideal_bits(self, layers: Iterable[Numbered]) -> Iterator[tuple[float, float]]:
        """For each layer the code lengths of positions and of values, −Σ log₂ p under the model that this coder uses."""
