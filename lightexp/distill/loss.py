"""The contract of a loss."""

from abc import ABC, abstractmethod
from typing import ClassVar

import torch
from torch import Tensor, nn

from lightexp.distill.answers import Answers, answer
from lightexp.distill.batch import Batch
from lightexp.distill.teacher import Teacher

Parts = dict[str, Tensor]
"""What of a loss is worth a curve of its own: scalars without gradient, by name."""


class Loss(ABC):
    """Turns a batch into a scalar to minimise, and the parts of it that are worth a curve.

    A loss says which `layers` it wants to hear and compares what both nets answer. It has no state: what it learns itself is in
    the module that `begin` makes for one fit, and what changes over time is in `at`.
    """

    needs_teacher: ClassVar[bool] = False

    def layers(self) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Names of the student's and of the teacher's layers whose outputs it compares."""
        return (), ()

    def begin(self, batch: Batch, student: nn.Module, teacher: Teacher | None) -> nn.Module | None:
        """Parameters of the loss's own, drawn from torch's global generator, for one fit that trains them with the student.

        They are kept in the fit's checkpoints, and neither in the store nor in the file. batch: some samples, to take shapes
        from. student: in evaluation mode.

        Raises:
            ConfigError: a net has no such layer, or the layers cannot be compared.
        """
        return None

    def check(self, batch: Batch, student: nn.Module, teacher: Teacher | None) -> None:
        """Complain now, before anything is trained, about layers that these nets do not have or that cannot be compared.

        batch: two samples. Both nets may be untrained.
        """
        own = self.begin(batch, student, teacher)
        if own is not None or any(self.layers()):
            with torch.no_grad():
                self(batch, student, teacher, *(() if own is None else (own,)))

    def at(self, t: float) -> "Loss":
        """The loss as it stands at the share t in [0, 1) of the training."""
        return self

    @abstractmethod
    def compare(self, labels: Tensor, student: Answers, teacher: Answers | None, own: nn.Module | None) -> tuple[Tensor, Parts]:
        """The loss and its parts, from what both nets answer to one batch. own: what `begin` gave."""

    def __call__(
        self, batch: Batch, student: nn.Module, teacher: Teacher | None, own: nn.Module | None = None
    ) -> tuple[Tensor, Parts]:
        return self.compare(batch[1], *self.answers(batch, student, teacher), own)

    def answers(self, batch: Batch, student: nn.Module, teacher: Teacher | None) -> tuple[Answers, Answers | None]:
        """What the student and the teacher, if it is needed, say to a batch.

        Raises:
            ConfigError: a net has no layer of a name that is asked for.
        """
        of_student, of_teacher = self.layers()
        given = answer(student, batch[0], of_student)
        if not self.needs_teacher:
            return given, None
        return given, teacher.answers(batch, of_teacher) if of_teacher else Answers(teacher(batch))
