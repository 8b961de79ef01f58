"""Training as a stage."""

from collections.abc import Callable
from dataclasses import fields
from functools import partial
from typing import Annotated, Any

import torch
from pydantic import Field
from torch import nn

from lightexp.data import TrainingSet, Whole
from lightexp.distill import CrossEntropy, Loss
from lightexp.errors import ConfigError
from lightexp.spec import describe, spec
from lightexp.stages.stage import Context, Stage
from lightexp.train import Cosine, Precision, Rate, Training

OPTIONS = ("precision", "accumulate", "clip", "average")
"""Fields of `Fit` that are no part of its key, nor of the seed drawn from it, where they are left alone."""


@spec
class Fit(Stage):
    """Train the net, under whatever masks and codebooks it carries.

    optimizer: parameters → optimizer, such as `partial(torch.optim.SGD, lr=0.1, momentum=0.9)`.
    rate: factor of the learning rate over time. teacher: a chain, for losses that need one.
    patience: epochs without a lower validation loss before it stops and goes back to the best; None trains to the end.
    training_set: what it sees of the data set's training part.
    precision: of the forward pass and the loss (`torch.autocast`); weights, gradients, optimizer and validation are float32.
    accumulate: the parts in which a batch is computed, one after the other, so that the memory is that of a part. `batch_size`
        stays the samples a step, and the step stays that of the whole batch; what Lightning calls
        `accumulate_grad_batches=k` over batches of b samples is accumulate=k and batch_size=k·b here. Batch normalisation, and
        losses that compare samples, see one part at a time.
    clip: the largest global norm of a step's gradient; one that is longer is scaled down to it (Pascanu et al. 2013).
    average: decay of the moving average of the weights, which is what is validated and what comes out, such as 0.999; see
        `lightexp.train.average.Average`.
    """

    epochs: Annotated[int, Field(ge=0)] = 20
    batch_size: Annotated[int, Field(ge=1)] = 64
    loss: Loss = CrossEntropy()
    optimizer: Callable[..., Any] = partial(torch.optim.Adam, lr=1e-3)
    rate: Rate = Cosine()
    patience: Annotated[int, Field(ge=1)] | None = None
    teacher: Any = None
    training_set: TrainingSet = Whole()
    precision: Precision = "float32"
    accumulate: Annotated[int, Field(ge=1)] = 1
    clip: Annotated[float, Field(gt=0)] | None = None
    average: Annotated[float, Field(gt=0, lt=1)] | None = None

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

        own = {name: getattr(self, name) for name in OPTIONS}
        training = Training(self.epochs, self.batch_size, self.loss, self.optimizer, self.rate, self.patience, **own, **options)
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

    def __describe__(self) -> dict[str, Any]:
        asked = {f.name: getattr(self, f.name) for f in fields(self)}
        left_alone = {f.name for f in fields(self) if f.name in OPTIONS and asked[f.name] == f.default}
        return describe(type(self)) | describe({name: value for name, value in asked.items() if name not in left_alone})


def fit_of(stage: Stage) -> Fit | None:
    """The fit that a stage is or, where it trains while it does something else, has."""
    return stage if isinstance(stage, Fit) else getattr(stage, "fit", None)
