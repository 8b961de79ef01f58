"""Learning from one's own deepest layer."""

from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional as F

from lightexp.distill.answers import Answers
from lightexp.distill.loss import Batch, Loss, Parts
from lightexp.distill.soft_logits import SoftLogits
from lightexp.distill.teacher import Teacher
from lightexp.errors import ConfigError
from lightexp.spec import spec


@spec
class SelfDistillation(Loss):
    """CE(y, z) + Σ_i [(1 − α)·CE(y, z_i) + α·T²·KL(softmax(z / T) ‖ softmax(z_i / T)) + λ·½‖f_i − f‖²] over shallow layers i.

    Mean over the batch, and of ‖·‖² over the units (Zhang et al. 2019, "Be your own teacher"). z: the net's logits; z_i: those of
    a head on layer i, which trains with the net and is thrown away with the fit. z and f only teach: no gradient passes from the
    heads' terms to them. A head takes the mean over the places of a map, and gives f_i by a linear layer and z_i by another one
    behind a ReLU; theirs are stacks of convolutions, and they have no T².

    shallow: names of the layers i. deepest: name of the layer that gives f, if λ > 0. temperature, alpha: T and α. features: λ.
    """

    shallow: tuple[str, ...]
    deepest: str | None = None
    temperature: Annotated[float, Field(gt=0)] = 3.0
    alpha: Annotated[float, Field(ge=0, le=1)] = 0.3
    features: Annotated[float, Field(ge=0)] = 0.0

    def __post_init__(self) -> None:
        if not self.shallow:
            raise ConfigError("SelfDistillation teaches shallow layers: name at least one in shallow")
        if (self.deepest is None) != (self.features == 0):
            raise ConfigError("SelfDistillation compares features where it has both deepest, a layer, and a weight in features")

    def layers(self) -> tuple[tuple[str, ...], tuple[str, ...]]:
        return (*self.shallow, *([self.deepest] if self.deepest else [])), ()

    @torch.no_grad()
    def begin(self, batch: Batch, student: nn.Module, teacher: Teacher | None) -> nn.ModuleList:
        given, _ = self.answers(batch, student, teacher)
        widths = {name: feature.shape[1] for name, feature in given.features.items()}
        classes = given.logits.shape[1]
        heads = (_Head(widths[name], widths[self.deepest or name], classes) for name in self.shallow)
        return nn.ModuleList(heads).to(given.logits.device)

    def compare(
        self, labels: Tensor, student: Answers, teacher: Answers | None, own: nn.ModuleList | None
    ) -> tuple[Tensor, Parts]:
        hard, logits = F.cross_entropy(student.logits, labels), Answers(student.logits.detach())
        heads = [head(student.features[name]) for head, name in zip(own, self.shallow, strict=True)]
        taught = [SoftLogits(self.temperature, self.alpha).compare(labels, Answers(z), logits, None) for _, z in heads]
        parts = {"deepest": hard.detach()} | {key: sum(found[key] for _, found in taught) for key in ("soft", "hard")}
        total = hard + sum(loss for loss, _ in taught)
        if self.deepest:
            wanted = _pooled(student.features[self.deepest]).detach()
            features = sum((given - wanted).square().mean() for given, _ in heads) / 2
            total, parts["features"] = total + self.features * features, features.detach()
        return total, parts


class _Head(nn.Module):
    """From a layer's output to features of a given width, and on to logits."""

    def __init__(self, width: int, hidden: int, classes: int):
        super().__init__()
        self.lift, self.classify = nn.Linear(width, hidden), nn.Linear(hidden, classes)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        features = self.lift(_pooled(x))
        return features, self.classify(features.relu())


def _pooled(x: Tensor) -> Tensor:
    """N×C, the mean over the places of a map N×C×…."""
    return x.flatten(2).mean(2) if x.ndim > 2 else x
