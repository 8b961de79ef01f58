"""Learning a teacher's logits as numbers."""

from typing import Annotated, ClassVar

from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional as F

from lightexp.distill.answers import Answers
from lightexp.distill.loss import Loss, Parts
from lightexp.spec import spec


@spec
class LogitsMSE(Loss):
    """(1 − α)·CE(y, z) + α·½‖z − z_teacher‖², mean over the batch (Ba & Caruana 2014, who take α = 1).

    No softmax: what the teacher makes of the wrong classes counts in full. alpha: α in [0, 1], the weight of the teacher.
    """

    needs_teacher: ClassVar[bool] = True

    alpha: Annotated[float, Field(ge=0, le=1)] = 1.0

    def compare(self, labels: Tensor, student: Answers, teacher: Answers | None, own: nn.Module | None) -> tuple[Tensor, Parts]:
        squared = (student.logits - teacher.logits).square().sum(1).mean() / 2
        hard = F.cross_entropy(student.logits, labels)
        return (1 - self.alpha) * hard + self.alpha * squared, {"squared": squared.detach(), "hard": hard.detach()}
