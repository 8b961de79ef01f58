"""Binary weights: their sign and a scale."""

import torch
from torch import Tensor

from lightexp.ops.gradients import straight_through
from lightexp.reparam.code import WeightCode
from lightexp.reparam.weight_quantizer import WeightQuantizer


def sign(values: Tensor) -> Tensor:
    """+1 or −1, and +1 for 0: a bit has no third value."""
    return torch.where(values < 0, -1.0, 1.0).to(values.dtype)


class Sign(WeightQuantizer):
    """w = H · sign(v), v clipped to [−H, H] each time it is read for training (Courbariaux et al. 2015, deterministic).

    scale: H, float32, shape 1.
    """

    def __init__(self, scale: Tensor) -> None:
        super().__init__()
        self.register_buffer("scale", scale)

    def _signs(self, weight: Tensor) -> Tensor:
        return sign(weight)

    def forward(self, weight: Tensor) -> Tensor:
        if self.training:
            # As after every step in the paper, so that no weight drifts so far that its sign is frozen.
            with torch.no_grad():
                weight.clamp_(-self.scale, self.scale)
        return straight_through(self._signs(weight) * self.scale, weight)

    def code(self, weight: Tensor) -> WeightCode:
        return WeightCode(sign(weight).int(), self.scale, is_lookup=False, bits=self.bits_with_zero(weight, 1))


class StochasticSign(Sign):
    """While training, w = +H with probability clip((v/H + 1)/2, 0, 1), else −H; H · sign(v) otherwise (Courbariaux et al. 2015).

    The random numbers come from torch's global generator, which each epoch of a training seeds anew.
    """

    def _signs(self, weight: Tensor) -> Tensor:
        if not self.training:
            return sign(weight)
        return sign((weight / self.scale + 1) / 2 - torch.rand_like(weight))


class FilterSign(WeightQuantizer):
    """w = α · sign(v), α = mean |v| of the output's n weights (Rastegari et al. 2016).

    With g = ∂L/∂w the gradient is ∂L/∂vᵢ = α · gᵢ · 1[|vᵢ| ≤ 1] + sign(vᵢ)/n · Σⱼ gⱼ · sign(vⱼ), whose second part is that of α
    itself; the paper has gᵢ/n for it.
    """

    def _scale(self, weight: Tensor) -> Tensor:
        return self.mean_size(weight, tuple(range(1, weight.dim())))

    def forward(self, weight: Tensor) -> Tensor:
        return self._scale(weight) * straight_through(sign(weight), weight.clamp(-1, 1))

    def code(self, weight: Tensor) -> WeightCode:
        bits = self.bits_with_zero(weight, 1)
        return WeightCode(sign(weight).int(), self._scale(weight).reshape(-1), is_lookup=False, bits=bits)
