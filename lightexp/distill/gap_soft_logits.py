"""Listening to a teacher where one still differs from it."""

from torch import Tensor

from lightexp.distill.weighted_soft_logits import WeightedSoftLogits
from lightexp.spec import spec


@spec
class GapSoftLogits(WeightedSoftLogits):
    """Soft logits with w = ½ Σ_c |softmax(z_teacher)_c − softmax(z)_c| of each sample, the distance of total variation.

    0 where the student answers as its teacher, so that the label has the say; 1 where they have no class in common. The idea
    that the weight follows what the student can do by now is that of Li et al. 2021; the distance is ours.
    """

    def weight(self, student: Tensor, teacher: Tensor) -> Tensor:
        return ((teacher.softmax(1) - student.softmax(1)).abs().sum(1) / 2).clamp(0, 1)
