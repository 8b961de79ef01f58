"""Students that learn from each other."""

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
    """Σ_k [CE(y, z_k) + w/(K − 1)·Σ_{l≠k} KL(softmax(z_l) ‖ softmax(z_k))] over K nets: the student and its peers.

    Mean over the batch; of each KL the first net only teaches (deep mutual learning, Zhang et al. 2018, with w = 1). The peers
    are plain nets with initial weights of their own, whatever the student carries. The student's optimizer trains them, all nets
    take each step at once, where theirs take turns, and they are thrown away with the fit: every fit has new ones.

    peers: their architectures by name, each a class, function or partial that `lightexp.models.build` calls. weight: w.
    """

    peers: dict[str, Callable[..., nn.Module]]
    weight: Annotated[float, Field(ge=0)] = 1.0

    def __post_init__(self) -> None:
        if not self.peers:
            raise ConfigError("MutualLearning has no peers: name at least one")

    @torch.no_grad()
    def begin(self, batch: Batch, student: nn.Module, teacher: Teacher | None) -> nn.ModuleList:
        expected = student(batch[0])
        return nn.ModuleList(_peer(name, factory, batch[0], expected) for name, factory in self.peers.items())

    def compare(
        self, labels: Tensor, student: Answers, teacher: Answers | None, own: nn.ModuleList | None
    ) -> tuple[Tensor, Parts]:
        nets = [logits.log_softmax(1) for logits in (student.logits, *(peer(student.inputs) for peer in own))]
        hard = [F.nll_loss(net, labels) for net in nets]
        soft = [sum(_divergence(other.detach(), net) for other in nets if other is not net) / len(own) for net in nets]
        parts = {"hard": hard[0].detach(), "soft": soft[0].detach(), "peers": sum(hard[1:]).detach() / len(own)}
        return sum(hard) + self.weight * sum(soft), parts


def _peer(name: str, factory: Callable[..., nn.Module], inputs: Tensor, expected: Tensor) -> nn.Module:
    """A net that gives logits of the expected shape for the inputs.

    Raises:
        ConfigError: it does not take them, or gives others.
    """
    shape = tuple(inputs.shape[1:])
    peer = build(factory, shape, expected.shape[1]).to(inputs.device)
    try:
        given = list(peer(inputs).shape)
    except (RuntimeError, ValueError, TypeError) as error:
        raise ConfigError(f"the peer {name} cannot take inputs of shape {list(shape)}: {error}") from error
    if given != list(expected.shape):
        raise ConfigError(f"the peer {name} gives {given} where the student gives {list(expected.shape)}")
    return peer


def _divergence(teaching: Tensor, learning: Tensor) -> Tensor:
    """KL(teaching ‖ learning) of logarithms of probabilities, N×classes, mean over the batch."""
    return F.kl_div(learning, teaching, reduction="batchmean", log_target=True)
