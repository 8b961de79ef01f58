"""Channels of one kind."""

from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True)
class Group:
    """Channels each of which goes as a whole, since one tensor of the net holds it, or an addition makes tensors alike.

    written, read: by module the indices of its outputs, and of its inputs, that are each channel's: channels × indices, int64.
    Normalisations and depthwise convolutions, which hand a channel on, count as writing it.
    """

    written: dict[str, Tensor]
    read: dict[str, Tensor]

    def __len__(self) -> int:
        return len(next(iter(self.written.values())))
