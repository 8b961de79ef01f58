"""Learning from a teacher's softened answers."""

from typing import Annotated, ClassVar

from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional as F

from lightexp.distill.answers import Answers
from lightexp.distill.loss import Loss, Parts
from lightexp.spec import spec


@spec
class SoftLogits(Loss):
    """(1 − α)·CE(y, z) + α·T²·KL(softmax(z_teacher / T) ‖ softmax(z / T)), mean over the batch (Hinton et al. 2015).

    temperature: T > 0; T² keeps the gradient's size as T grows. alpha: α in [0, 1], the weight of the teacher.
    """

    needs_teacher: ClassVar[bool] = True

    temperature: Annotated[float, Field(gt=0)] = 4.0
    alpha: Annotated[float, Field(ge=0, le=1)] = 0.9

    def compare(self, labels: Tensor, student: Answers, teacher: Answers | None, own: nn.Module | None) -> tuple[Tensor, Parts]:
        wanted = F.log_softmax(teacher.logits / self.temperature, dim=1)
        given = F.log_softmax(student.logits / self.temperature, dim=1)
        soft = F.kl_div(given, wanted, reduction="batchmean", log_target=True) * self.temperature**2
        hard = F.cross_entropy(student.logits, labels)
        return (1 - self.alpha) * hard + self.alpha * soft, {"soft": soft.detach(), "hard": hard.detach()}
