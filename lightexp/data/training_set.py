"""What a training sees of a data set, where that is not the whole of it as it is."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import replace

import torch

from lightexp.data.splits import Split, Splits, try_augmentations
from lightexp.errors import DataError
from lightexp.spec import describe, digest, spec


class TrainingSet(ABC):
    """Makes, from a data set, the one that a fit trains on; validation and test parts and the statistics stay as they are."""

    @abstractmethod
    def __call__(self, data: Splits) -> Splits:
        """The data set to train on, with a fingerprint of its own.

        Raises:
            DataError: nothing would be left to train on, or the samples do not suit.
        """


@spec
class Whole(TrainingSet):
    """The training part as the data set gives it, with the data set's augmentations."""

    def __call__(self, data: Splits) -> Splits:
        return data


@spec
class Augmented(TrainingSet):
    """The training part under augmentations of its own, in their order, instead of the data set's.

    So a teacher may see shifted images whose student sees them as they are.
    """

    augment: dict[str, Callable]

    def __call__(self, data: Splits) -> Splits:
        steps = tuple(self.augment.values())
        try_augmentations(data.name, steps, data.train.x[:2].clone())
        return replace(data, augment=steps, fingerprint=digest(data.fingerprint, describe(steps)))


@spec
class Without(TrainingSet):
    """The training part without all samples of some classes, as a transfer set from which a student must learn them by hearsay.

    labels: of the classes, 0 … classes - 1 (Hinton et al. 2015, section 3, leave out the threes of MNIST).
    """

    labels: tuple[int, ...]

    def __call__(self, data: Splits) -> Splits:
        unknown = [label for label in self.labels if not 0 <= label < data.classes]
        if unknown:
            raise DataError(f"{data.name} has no class {unknown[0]} to leave out: its classes are 0 to {data.classes - 1}")
        out = torch.tensor(self.labels, dtype=data.train.y.dtype, device=data.train.y.device)
        kept = ~torch.isin(data.train.y, out)
        if not kept.any():
            raise DataError(f"{data.name}: without the classes {list(self.labels)} nothing is left to train on")
        train = Split(data.train.x[kept], data.train.y[kept])
        return replace(data, train=train, fingerprint=digest(data.fingerprint, "without", sorted(set(self.labels))))
