"""Who answers as the teacher."""

from collections.abc import Callable
from contextlib import AbstractContextManager

import torch
from torch import Tensor, nn

from lightexp.distill.answers import Answers, answer
from lightexp.distill.batch import Batch
from lightexp.ops.layout import channels_last


class Teacher:
    """A trained net that gives its logits, N×classes, and what its layers give, without gradient.

    Not a module, so that no student can swallow it. Where a loss asks for no layers any function of the batch will do.
    """

    key: str | None = None
    """Content address of the net. A teacher that has one says the same for ever, so its logits may be kept."""

    def __init__(self, net: nn.Module, key: str | None = None) -> None:
        self._net, self.key = net, key
        self._layout: AbstractContextManager[None] | None = None

    def __str__(self) -> str:
        return type(self._net).__name__

    def __call__(self, batch: Batch | tuple[Tensor, Tensor]) -> Tensor:
        return self.answers(batch).logits

    @torch.no_grad()
    def answers(self, batch: Batch | tuple[Tensor, Tensor], layers: tuple[str, ...] = ()) -> Answers:
        self._layout = self._layout or channels_last(self._net, batch[0][:2])
        with self._layout:
            return answer(self._net, batch[0], layers)

    def kept(self, keep: "Callable[[Teacher], Tensor]") -> "Teacher":
        """The same teacher, which looks its logits up, rows×classes, in what `keep` makes of every net that has a key."""
        return self if self.key is None else KeptTeacher(self, keep(self))


class KeptTeacher(Teacher):
    """Looks its logits up by a batch's `rows`; where there are none, or layers are asked for, the net itself answers."""

    def __init__(self, live: Teacher, logits: Tensor) -> None:
        super().__init__(live._net, live.key)
        self._logits = logits

    def answers(self, batch: Batch | tuple[Tensor, Tensor], layers: tuple[str, ...] = ()) -> Answers:
        rows = batch.rows if isinstance(batch, Batch) else None
        if layers or rows is None:
            return super().answers(batch, layers)
        return Answers(self._logits.index_select(0, rows.to(self._logits.device)).to(rows.device))
