"""The contract of a quantizer that follows the weight while it trains."""

import torch
from torch import Tensor, nn

from lightexp.reparam.code import WeightCode
from lightexp.reparam.mask import Mask


class WeightQuantizer(nn.Module):
    """Maps the latent weight to a few levels, straight through on the way back, and knows which weights are pruned.

    Its tensors and `bits` are all that it is rebuilt from.
    """

    reads_weight = True
    _mask: Mask | None = None

    def watch(self, mask: Mask | None) -> None:
        """Look at the mask above, without owning it."""
        object.__setattr__(self, "_mask", mask)

    def alive(self, weight: Tensor) -> Tensor:
        """True where the weight is not pruned."""
        return torch.ones_like(weight, dtype=torch.bool) if self._mask is None else self._mask.mask

    def mean_size(self, weight: Tensor, dims: tuple[int, ...]) -> Tensor:
        """Mean of |w| over the weights that are not pruned, along `dims`, which stay as 1; 0 where there are none."""
        alive = self.alive(weight)
        return (weight.abs() * alive).sum(dims, keepdim=True) / alive.sum(dims, keepdim=True).clamp_min(1)

    def bits_with_zero(self, weight: Tensor, bits: int) -> int:
        """Nominal bits of a code whose 2^bits levels have no 0 among them: one more where pruned weights need it."""
        return bits if bool(self.alive(weight).all()) else bits + 1

    def code(self, weight: Tensor) -> WeightCode:
        """The exact integers that stand for the latent `weight`."""
        raise TypeError(f"{type(self).__name__} defines no code")
