"""Learning from the labels."""

from typing import Annotated

from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional as F

from lightexp.distill.answers import Answers
from lightexp.distill.loss import Loss, Parts
from lightexp.spec import spec


@spec
class CrossEntropy(Loss):
    """−Σ_c y_c log softmax(z)_c, mean over the batch, with labels smoothed towards uniform by ε (Szegedy et al. 2016)."""

    label_smoothing: Annotated[float, Field(ge=0, lt=1)] = 0.0

    def compare(self, labels: Tensor, student: Answers, teacher: Answers | None, own: nn.Module | None) -> tuple[Tensor, Parts]:
        return F.cross_entropy(student.logits, labels, label_smoothing=self.label_smoothing), {}
