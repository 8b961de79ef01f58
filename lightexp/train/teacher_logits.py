"""A teacher's logits, computed once for every view of every training sample."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from lightexp.data import Splits
from lightexp.distill import Loss, Teacher
from lightexp.spec import digest

LIMIT_BYTES = 2**31
"""What is larger is not kept; a constant, since what is kept must not depend on the machine."""

CHUNK = 1000
"""Samples that a teacher answers to at a time."""


@dataclass(frozen=True)
class TeacherLogits:
    """What a teacher with a key says to the views of a data set's training part: a description, until `chunks` computes it.

    shape: (views, samples, classes); they are float32, and stand view by view, and in a view sample by sample.
    """

    teacher: Teacher
    data: Splits

    @property
    def shape(self) -> tuple[int, int, int]:
        return self.data.views, len(self.data.train), self.data.classes

    @property
    def key(self) -> str:
        """Content address."""
        return digest("teacher logits", self.teacher.key, self.data.fingerprint)

    def chunks(self) -> Iterator[Tensor]:
        """In their order and on the CPU; equal bits whoever asks, since the same samples are always answered to together."""
        for view in range(self.shape[0]):
            for index in torch.arange(self.shape[1]).split(CHUNK):
                yield self.teacher(self.data.view(index, view)).float().cpu()

    def in_memory(self) -> Tensor:
        """views·samples × classes."""
        return torch.cat(list(self.chunks()))


def pays(data: Splits, loss: Loss, epochs: int) -> bool:
    """Whether a training should look its teacher's logits up; a function of what is asked for, never of what is there already.

    They must suffice, that is, no layers of the teacher be asked for and the augmentation have finitely many views; no
    more views be computed than epochs would be; and all fit into `LIMIT_BYTES`.
    """
    if not loss.needs_teacher or any(loss.layers()[1]) or data.views is None:
        return False
    return data.views <= epochs and kept_bytes(data) <= LIMIT_BYTES


def kept_bytes(data: Splits) -> int:
    """Size of the logits of one teacher."""
    return 4 * data.views * len(data.train) * data.classes


def looking_up(teacher: Teacher, data: Splits, keep: Callable[[TeacherLogits], Tensor]) -> Teacher:
    """The teacher with its logits kept for what `data` trains on; keep: gives them, rows×classes."""
    return teacher.kept(lambda one: _resident(keep(TeacherLogits(one, data)), data.train.x.device))


def _resident(logits: Tensor, device: torch.device) -> Tensor:
    """On the device where they take no more than half of what is free there, so that no step waits for them."""
    if device.type != "cuda" or 2 * logits.nbytes > torch.cuda.mem_get_info(device)[0]:
        return logits
    return logits.to(device)
