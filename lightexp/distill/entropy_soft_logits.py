"""Believing a teacher where it is sure."""

import math

from torch import Tensor

from lightexp.distill.weighted_soft_logits import WeightedSoftLogits
from lightexp.spec import spec


@spec
class EntropySoftLogits(WeightedSoftLogits):
    """Soft logits with w = 1 − H(p) / log C of each sample, H the entropy of the teacher's p = softmax(z_teacher).

    A teacher that cannot tell leaves the sample to its label. Kwon et al. 2020 weigh several teachers by their entropies; this
    weighs one teacher against the label.
    """

    def weight(self, student: Tensor, teacher: Tensor) -> Tensor:
        logs = teacher.log_softmax(1)
        entropy = -(logs.exp() * logs).sum(1)
        return (1 - entropy / math.log(teacher.shape[1])).clamp(0, 1)
