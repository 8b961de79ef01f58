"""Learning what a layer of the teacher gives."""

import torch
from torch import Tensor, nn

from lightexp.distill.batch import Batch
from lightexp.distill.feature_loss import FeatureLoss
from lightexp.distill.teacher import Teacher
from lightexp.errors import ConfigError
from lightexp.spec import spec


@spec
class Hint(FeatureLoss):
    """d = ½‖r(a) − a_teacher‖², mean over the batch and the units (FitNets, Romero et al. 2015, who take the sum over units).

    r: a linear layer, or for maps an unpadded convolution with a kernel as large as is left of the student's map beside the
    teacher's, which trains with the student and is thrown away with the fit. FitNets train first by hints alone, then without
    them: that is a fit with hard=0 before another one; together it is one training.
    """

    @torch.no_grad()
    def begin(self, batch: Batch, student: nn.Module, teacher: Teacher | None) -> nn.ModuleList:
        given, wanted = self.answers(batch, student, teacher)
        features = (
            [given.features[name] for name in self.student_layers],
            [wanted.features[name] for name in self.teacher_layers],
        )
        return nn.ModuleList(map(self._regressor, self._pairs(), *features))

    def _regressor(self, pair: str, given: Tensor, wanted: Tensor) -> nn.Module:
        width, target = given.shape[1], wanted.shape[1]
        if given.ndim == wanted.ndim == 2:
            return nn.Linear(width, target).to(given.device)
        kernel = [one - other + 1 for one, other in zip(given.shape[2:], wanted.shape[2:], strict=False)]
        if given.ndim != 4 or wanted.ndim != 4 or min(kernel) < 1:
            raise ConfigError(
                f"{pair}: no regressor leads from {list(given.shape[1:])} to {list(wanted.shape[1:])}: name two layers that give "
                "vectors, or two that give maps, the student's not the smaller in height or width"
            )
        return nn.Conv2d(width, target, kernel).to(given.device)

    def read(self, features: list[Tensor], own: nn.Module | None) -> list[Tensor]:
        return [regress(feature) for regress, feature in zip(own, features, strict=True)]

    def distance(self, given: Tensor, wanted: Tensor) -> Tensor:
        return (given - wanted).square().mean() / 2
