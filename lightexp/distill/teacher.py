"""Who answers as the teacher."""

import torch
from torch import Tensor, nn

from lightexp.distill.answers import Answers, answer


class Teacher:
    """A trained net that gives its logits, N×classes, and what its layers give, without gradient.

    Not a module, so that no student can swallow it. Where a loss asks for no layers any function of the batch will do.
    """

    def __init__(self, net: nn.Module) -> None:
        self._net = net

    def __call__(self, batch: tuple[Tensor, Tensor]) -> Tensor:
        return self.answers(batch).logits

    @torch.no_grad()
    def answers(self, batch: tuple[Tensor, Tensor], layers: tuple[str, ...] = ()) -> Answers:
        return answer(self._net, batch[0], layers)
