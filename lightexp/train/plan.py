"""What a training is, and what surrounds it."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from torch import Tensor, nn
from torch.optim import Optimizer

from lightexp.distill import Loss
from lightexp.train.rate import Rate
from lightexp.train.teacher_logits import TeacherLogits
from lightexp.train.trainer import Trainer

Precision = Literal["float32", "bfloat16"]
"""What the forward pass and the loss are computed in; weights, gradients and validation are float32."""


@dataclass(frozen=True)
class Epoch:
    """A point of the learning curve: mean training loss and its parts, validation loss (nats) and accuracy (percent).

    step_seconds: mean over the epoch's steps, without the validation. activation_bytes: see `lightexp.train.held.HeldBytes`; the
    most in the first step of the fit.
    """

    number: int
    loss: float
    parts: dict[str, float]
    val_loss: float
    val_accuracy: float
    rate: float
    seconds: float
    step_seconds: float
    activation_bytes: int


@dataclass(frozen=True)
class Training:
    """How to train.

    epochs: passes over the training part. batch_size: samples a step.
    optimizer: parameters → optimizer; a fresh one, so that parameters made since the last fit are trained too.
    patience: stop after so many epochs without a lower validation loss, and go back to the best; None: train to the end.
    settled: share of the training before which no epoch counts as the best (gradual pruning is still under way then).
    before_step, after_backward: called with the net, the number of the step and of all steps: ahead of every step, and once
        its gradients stand and the optimizer has not yet moved.
    precision, accumulate, clip, average: see `lightexp.stages.Fit`.
    """

    epochs: int
    batch_size: int
    loss: Loss
    optimizer: Callable[[Any], Optimizer]
    rate: Rate
    patience: int | None = None
    settled: float = 0.0
    before_step: Callable[[nn.Module, int, int], None] | None = None
    after_backward: Callable[[nn.Module, int, int], None] | None = None
    precision: Precision = "float32"
    accumulate: int = 1
    clip: float | None = None
    average: float | None = None


@dataclass(frozen=True)
class Surroundings:
    """What a training needs besides its description, none of which changes its result.

    checkpoint: where to keep the state of the last epoch, to go on from after a crash.
    keep: gives a teacher's logits, views·samples × classes, computed now or before.
    on_epoch, on_progress: told of each epoch, and of the share done so far.
    trainer: how it is computed.
    """

    checkpoint: Path | None = None
    keep: Callable[[TeacherLogits], Tensor] = TeacherLogits.in_memory
    on_epoch: Callable[[Epoch], None] = field(default=lambda epoch: None)
    on_progress: Callable[[float], None] = field(default=lambda share: None)
    trainer: Trainer = field(default_factory=Trainer)
