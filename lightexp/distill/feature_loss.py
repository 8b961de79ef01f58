"""Losses that compare layers of two nets."""

from abc import abstractmethod
from typing import Annotated, ClassVar

from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional as F

from lightexp.distill.answers import Answers
from lightexp.distill.loss import Loss, Parts
from lightexp.errors import ConfigError
from lightexp.spec import spec

Weight = Annotated[float, Field(ge=0)]


@spec
class FeatureLoss(Loss):
    """λ·CE(y, z) + β·Σ d(student's layer, teacher's layer) over pairs of layers; the subclasses say d.

    student_layers, teacher_layers: names of modules, as many of one net as of the other, compared in turn.
    weight: β. hard: λ, the weight of the labels; 0 within a sum that has them already.
    """

    needs_teacher: ClassVar[bool] = True

    student_layers: tuple[str, ...]
    teacher_layers: tuple[str, ...]
    weight: Weight = 1.0
    hard: Weight = 1.0

    def __post_init__(self) -> None:
        if not self.student_layers or len(self.student_layers) != len(self.teacher_layers):
            raise ConfigError(
                f"{type(self).__name__} compares layers in pairs: name as many student_layers as teacher_layers, at least one "
                f"(given: {len(self.student_layers)} and {len(self.teacher_layers)})"
            )

    @abstractmethod
    def distance(self, given: Tensor, wanted: Tensor) -> Tensor:
        """A scalar from the outputs of a pair of layers, N×…, the student's first.

        Raises:
            ConfigError: they cannot be compared.
        """

    def read(self, features: list[Tensor], own: nn.Module | None) -> list[Tensor]:
        """The outputs of the student's layers in the form in which they are compared."""
        return features

    def layers(self) -> tuple[tuple[str, ...], tuple[str, ...]]:
        return self.student_layers, self.teacher_layers

    def compare(self, labels: Tensor, student: Answers, teacher: Answers | None, own: nn.Module | None) -> tuple[Tensor, Parts]:
        given = self.read([student.features[name] for name in self.student_layers], own)
        wanted = [teacher.features[name] for name in self.teacher_layers]
        hard, features = F.cross_entropy(student.logits, labels), sum(map(self._distance, self._pairs(), given, wanted))
        return self.hard * hard + self.weight * features, {"features": features.detach(), "hard": hard.detach()}

    def _pairs(self) -> list[str]:
        """What each pair of layers is called in an error."""
        names = zip(self.student_layers, self.teacher_layers, strict=True)
        return [f"the student's layer {student} and the teacher's {teacher}" for student, teacher in names]

    def _distance(self, pair: str, given: Tensor, wanted: Tensor) -> Tensor:
        try:
            return self.distance(given, wanted)
        except ConfigError as error:
            raise ConfigError(f"{pair}: {error}") from error
