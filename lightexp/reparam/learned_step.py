"""Uniform quantization whose step is trained with the weights."""

import torch
from torch import Tensor, nn

from lightexp.ops.learned_step import round_to_learned_step
from lightexp.reparam.code import WeightCode
from lightexp.reparam.weight_quantizer import WeightQuantizer


class LearnedStep(WeightQuantizer):
    """w = Δ · round(clamp(v/Δ, −2^(b−1), 2^(b−1) − 1)) with Δ a parameter (Esser et al. 2020, LSQ).

    step: float32, one Δ for the whole weight (shape 1) or one a row.
    """

    of_rows = ("step",)

    def __init__(self, step: Tensor, bits: int) -> None:
        super().__init__()
        self.step = nn.Parameter(step)
        self.bits = bits

    def forward(self, weight: Tensor) -> Tensor:
        step = self.step.reshape(-1, *[1] * (weight.dim() - 1))
        half = 2 ** (self.bits - 1)
        return round_to_learned_step(weight, step, -half, half - 1, weight.numel() // step.numel())

    def code(self, weight: Tensor) -> WeightCode:
        step = self.step.detach().clamp_min(torch.finfo(self.step.dtype).tiny)
        half = 2 ** (self.bits - 1)
        ratio = (weight / step.reshape(-1, *[1] * (weight.dim() - 1))).clamp(-half, half - 1)
        return WeightCode(torch.round(ratio).int(), step, is_lookup=False, bits=self.bits)
