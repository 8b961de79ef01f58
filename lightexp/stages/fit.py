"""Training as a stage."""

from collections.abc import Callable
from functools import partial
from typing import Annotated, Any

import torch
from pydantic import Field
from torch import nn

from lightexp.data import TrainingSet, Whole
from lightexp.distill import CrossEntropy, Loss
from lightexp.errors import ConfigError
from lightexp.spec import spec
from lightexp.stages.stage import Context, Stage
from lightexp.train import Cosine, Rate, Training


@spec
class Fit(Stage):
    """Train the net, under whatever masks and codebooks it carries.

    optimizer: parameters → optimizer, such as `partial(torch.optim.SGD, lr=0.1, momentum=0.9)`.
    rate: factor of the learning rate over time. teacher: a chain, for losses that need one.
    patience: epochs without a lower validation loss before it stops and goes back to the best; None trains to the end.
    training_set: what it sees of the data set's training part.
    """

    epochs: Annotated[int, Field(ge=0)] = 20
    batch_size: Annotated[int, Field(ge=1)] = 64
    loss: Loss = CrossEntropy()
    optimizer: Callable[..., Any] = partial(torch.optim.Adam, lr=1e-3)
    rate: Rate = Cosine()
    patience: Annotated[int, Field(ge=1)] | None = None
    teacher: Any = None
    training_set: TrainingSet = Whole()

    def __post_init__(self) -> None:
        if not self.loss.needs_teacher:
            # A teacher that is not asked must not be trained, nor be part of the key.
            object.__setattr__(self, "teacher", None)
        elif not self.teacher:
            raise ConfigError(
                f"the loss {type(self.loss).__name__} needs a teacher: choose one, as teacher=wide, or loss=cross_entropy"
            )

    def budget(self) -> int:
        return self.epochs

    def train(self, model: nn.Module, context: Context, **options: Any) -> nn.Module:
        """Train as described, with further `options` of `lightexp.train.Training`, and leave the curve in the context."""
        from lightexp.train import fit

        training = Training(self.epochs, self.batch_size, self.loss, self.optimizer, self.rate, self.patience, **options)
        data = self.training_set(context.data)
        context.curve += fit(model, data, training, context.seed, context.teacher, context.around)
        return model

    def check(self, model: nn.Module) -> None:
        try:
            self.optimizer(list(model.parameters()))
        except (TypeError, ValueError, RuntimeError) as error:
            raise ConfigError(f"its optimizer cannot be made: {error}") from error

    def __call__(self, model: nn.Module, context: Context) -> nn.Module:
        return self.train(model, context)


def fit_of(stage: Stage) -> Fit | None:
    """The fit that a stage is or, where it trains while it does something else, has."""
    return stage if isinstance(stage, Fit) else getattr(stage, "fit", None)
