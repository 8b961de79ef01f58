"""Teachers that taught each other before they teach the student."""

from collections.abc import Callable
from dataclasses import field, replace
from typing import Annotated, Any

from pydantic import Field
from torch import nn

from lightexp.distill import Loss, SoftLogits, Teacher
from lightexp.errors import ConfigError
from lightexp.spec import describe, spec
from lightexp.stages.chain import Chain
from lightexp.stages.fit import Fit


@spec
class Lineage:
    """Teachers each of which was taught by the one before it; the student learns from the last.

    Nets that grow smaller on the way to the student are teacher assistants (Mirzadeh et al. 2020); the student's own net over
    and over gives born-again generations (Furlanello et al. 2018). Each is a chain of its own, trained once and kept as any
    teacher is, and of the same key as if it were written out.

    models: the nets by name, the first teacher's first. fit: the training of the first one, and with `loss` in the place of its
    own that of all others. generations: how many teachers there are, where the last model stands for all that have none; None:
    one a model. seed: of the first teacher; the next one has the next.
    """

    models: dict[str, Callable[..., nn.Module]]
    fit: Fit = field(default_factory=Fit)
    loss: Loss = SoftLogits()
    generations: Annotated[int, Field(ge=1)] | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        if not self.models:
            raise ConfigError("a lineage has no models: name at least one")
        if not self.loss.needs_teacher:
            raise ConfigError(
                f"a lineage hands on what a teacher knows, and the loss {type(self.loss).__name__} asks no teacher: choose one "
                "that does, as soft_logits"
            )

    def chains(self) -> dict[str, Chain]:
        return {f"teacher {self._count()}": self._last()}

    def join(self, answering: list[Teacher]) -> Teacher:
        return answering[0]

    def __describe__(self) -> dict[str, Any]:
        return describe(self._last())

    def _count(self) -> int:
        return self.generations or len(self.models)

    def _last(self) -> Chain:
        """The last teacher, whose own is a lineage that is shorter by one."""
        count, models = self._count(), list(self.models.values())
        before = replace(self, generations=count - 1) if count > 1 else None
        fit = replace(self.fit, loss=self.loss, teacher=before) if before else self.fit
        return Chain(models[min(count, len(models)) - 1], {"fit": fit}, seed=self.seed + count - 1)
