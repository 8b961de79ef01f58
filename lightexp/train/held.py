"""What autograd holds for the backward pass."""

import weakref
from collections import Counter
from collections.abc import Iterable

from torch import Tensor
from torch.autograd.graph import saved_tensors_hooks


class HeldBytes(saved_tensors_hooks):
    """Counts, around a forward and a backward pass, the bytes of all that autograd has saved and not yet released.

    A storage counts once and whole, however many tensors in it are saved. Those of `uncounted` do not count: the net's parameters
    and buffers and the batch, which are there anyway. Activations do, also those that are computed again in the backward pass
    under `lightexp.train.checkpointing`, and so do weights that are computed from others (masked, quantized) and what the loss
    saves; gradients, the optimizer's state and what an operation needs while it runs do not.
    """

    def __init__(self, uncounted: Iterable[Tensor]) -> None:
        self.peak = 0
        """Most bytes at any time so far."""
        self._now = 0
        self._holders: Counter[int] = Counter()
        self._uncounted = {tensor.untyped_storage().data_ptr() for tensor in uncounted}
        super().__init__(self._pack, lambda held: held.tensor)

    def _pack(self, tensor: Tensor) -> "_Held":
        held, storage = _Held(tensor), tensor.untyped_storage()
        address, size = storage.data_ptr(), storage.nbytes()
        if address not in self._uncounted:
            self._holders[address] += 1
            if self._holders[address] == 1:
                self._now += size
                self.peak = max(self.peak, self._now)
            weakref.finalize(held, self._release, address, size).atexit = False
        return held

    def _release(self, address: int, size: int) -> None:
        self._holders[address] -= 1
        if not self._holders[address]:
            self._now -= size


class _Held:
    def __init__(self, tensor: Tensor) -> None:
        self.tensor = tensor
