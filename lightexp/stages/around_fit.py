"""Stages that do something to a net while it trains."""

from typing import Any

from torch import nn

from lightexp.errors import ConfigError
from lightexp.stages.fit import Fit
from lightexp.stages.stage import Stage


class AroundFit(Stage):
    """A stage with a training of its own in its field `fit`, whose teacher and epochs are the stage's."""

    fit: Fit

    def __post_init__(self) -> None:
        if self.fit.epochs < 1:
            raise ConfigError(f"{type(self).__name__} needs a fit of at least 1 epoch: it works while the net trains")

    @property
    def teacher(self) -> Any:
        return self.fit.teacher

    def budget(self) -> int:
        return self.fit.epochs

    def check(self, model: nn.Module) -> None:
        super().check(model)
        self.fit.check(model)
