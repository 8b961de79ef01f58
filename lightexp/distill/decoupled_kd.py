"""Learning from a teacher's certainty and from its view of the wrong classes, each with a weight of its own."""

from typing import Annotated, ClassVar

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional as F

from lightexp.distill.answers import Answers
from lightexp.distill.loss import Loss, Parts
from lightexp.spec import spec

Weight = Annotated[float, Field(ge=0)]


@spec
class DecoupledKD(Loss):
    """λ·CE(y, z) + T²·(α·TCKD + β·NCKD), mean over the batch (DKD, Zhao et al. 2022).

    TCKD = KL of (p_y, 1 − p_y), the right class against all others; NCKD = KL of the softmax over the wrong classes alone; both
    of the teacher ‖ student at temperature T. Soft logits are TCKD + (1 − p_y of the teacher)·NCKD: there the wrong classes
    count least where the teacher is sure, and here they do not.

    alpha, beta: α and β. hard: λ, the weight of the labels.
    """

    needs_teacher: ClassVar[bool] = True

    temperature: Annotated[float, Field(gt=0)] = 4.0
    alpha: Weight = 1.0
    beta: Weight = 8.0
    hard: Weight = 1.0

    def compare(self, labels: Tensor, student: Answers, teacher: Answers | None, own: nn.Module | None) -> tuple[Tensor, Parts]:
        right, wrong = _decoupled(student.logits / self.temperature, labels)
        wanted_right, wanted_wrong = _decoupled(teacher.logits / self.temperature, labels)
        squared = self.temperature**2
        target = F.kl_div(right, wanted_right, reduction="batchmean", log_target=True) * squared
        others = F.kl_div(wrong, wanted_wrong, reduction="batchmean", log_target=True) * squared
        hard = F.cross_entropy(student.logits, labels)
        parts = {"target": target.detach(), "others": others.detach(), "hard": hard.detach()}
        return self.hard * hard + self.alpha * target + self.beta * others, parts


def _decoupled(logits: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
    """Logarithms of (p_y, 1 − p_y), N×2, and of the probabilities among the wrong classes, N×(classes − 1)."""
    wrong = torch.arange(logits.shape[1] - 1, device=logits.device)
    wrong = wrong + (wrong >= labels[:, None])
    of_wrong = logits.gather(1, wrong)
    both = torch.cat([logits.gather(1, labels[:, None]), of_wrong.logsumexp(1, keepdim=True)], 1)
    return both.log_softmax(1), of_wrong.log_softmax(1)
