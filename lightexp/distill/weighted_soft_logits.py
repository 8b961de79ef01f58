"""Soft logits whose weight differs from sample to sample."""

from abc import abstractmethod

from torch import Tensor, nn
from torch.nn import functional as F

from lightexp.distill.answers import Answers
from lightexp.distill.loss import Parts
from lightexp.distill.soft_logits import SoftLogits
from lightexp.spec import spec


@spec
class WeightedSoftLogits(SoftLogits):
    """`SoftLogits` with α·w of each sample in place of α; the subclasses say w. No gradient passes through w."""

    @abstractmethod
    def weight(self, student: Tensor, teacher: Tensor) -> Tensor:
        """w in [0, 1], N, from the logits of both nets, N×classes."""

    def compare(self, labels: Tensor, student: Answers, teacher: Answers | None, own: nn.Module | None) -> tuple[Tensor, Parts]:
        wanted = F.log_softmax(teacher.logits / self.temperature, dim=1)
        given = F.log_softmax(student.logits / self.temperature, dim=1)
        soft = F.kl_div(given, wanted, reduction="none", log_target=True).sum(1) * self.temperature**2
        hard = F.cross_entropy(student.logits, labels, reduction="none")
        alpha = self.alpha * self.weight(student.logits.detach(), teacher.logits)
        loss = ((1 - alpha) * hard + alpha * soft).mean()
        return loss, {"soft": soft.detach().mean(), "hard": hard.detach().mean(), "alpha": alpha.mean()}
