"""Two students that learn from each other."""

from collections.abc import Callable
from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional as F

from lightexp.distill.answers import Answers
from lightexp.distill.loss import Batch, Loss, Parts
from lightexp.distill.teacher import Teacher
from lightexp.errors import ConfigError
from lightexp.models import build
from lightexp.spec import spec


@spec
class MutualLearning(Loss):
    """CE(y, z) + w·KL(q ‖ p) + CE(y, u) + w·KL(p ‖ q), p = softmax(z) of the student and q = softmax(u) of its peer.

    Mean over the batch; of each KL the first distribution only teaches (deep mutual learning, Zhang et al. 2018, with w = 1). The
    peer is a plain net with initial weights of its own, whatever the student carries. The student's optimizer trains it, both
    nets take each step at once, where theirs take turns, and it is thrown away with the fit: every fit has a new one.

    peer: the peer's architecture, a class, function or partial that `lightexp.models.build` calls. weight: w.
    """

    peer: Callable[..., nn.Module]
    weight: Annotated[float, Field(ge=0)] = 1.0

    @torch.no_grad()
    def begin(self, batch: Batch, student: nn.Module, teacher: Teacher | None) -> nn.Module:
        inputs = batch[0]
        shape, logits = tuple(inputs.shape[1:]), student(inputs)
        peer = build(self.peer, shape, logits.shape[1]).to(inputs.device)
        try:
            given = list(peer(inputs).shape)
        except (RuntimeError, ValueError, TypeError) as error:
            raise ConfigError(f"the peer {type(peer).__name__} cannot take inputs of shape {list(shape)}: {error}") from error
        if given != list(logits.shape):
            raise ConfigError(
                f"the peer {type(peer).__name__} gives {given} for 2 inputs, and the student {list(logits.shape)}"
            )
        return peer

    def compare(self, labels: Tensor, student: Answers, teacher: Answers | None, own: nn.Module | None) -> tuple[Tensor, Parts]:
        ours, theirs = student.logits.log_softmax(1), own(student.inputs).log_softmax(1)
        hard, peer = F.nll_loss(ours, labels), F.nll_loss(theirs, labels)
        soft = _divergence(theirs.detach(), ours)
        total = hard + peer + self.weight * (soft + _divergence(ours.detach(), theirs))
        return total, {"hard": hard.detach(), "soft": soft.detach(), "peer": peer.detach()}


def _divergence(teaching: Tensor, learning: Tensor) -> Tensor:
    """KL(teaching ‖ learning) of logarithms of probabilities, N×classes, mean over the batch."""
    return F.kl_div(learning, teaching, reduction="batchmean", log_target=True)
