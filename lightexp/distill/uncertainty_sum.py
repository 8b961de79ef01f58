"""Losses that add up by weights which are learned."""

import torch
from torch import Tensor, nn

from lightexp.distill.batch import Batch
from lightexp.distill.joint import Joint
from lightexp.distill.loss import Parts
from lightexp.distill.teacher import Teacher
from lightexp.spec import spec


@spec
class UncertaintySum(Joint):
    """Σ_i exp(−s_i)·L_i + s_i / 2, each s_i = log σ_i² trained with the net, from 0 (Kendall et al. 2018).

    σ_i is the noise of what L_i learns from. s_i stands still where exp(−s_i) = 1 / (2·L_i), so a loss that stays large comes to
    weigh less. The optimizer's weight decay, if any, pulls s_i to 0.
    """

    def begin(self, batch: Batch, student: nn.Module, teacher: Teacher | None) -> nn.ModuleDict:
        own = super().begin(batch, student, teacher)
        own["log_variances"] = nn.ParameterList(torch.zeros((), device=batch[0].device) for _ in self.losses)
        return own

    def total(self, values: dict[str, Tensor], own: nn.ModuleDict) -> tuple[Tensor, Parts]:
        logs = dict(zip(values, own["log_variances"], strict=True))
        weights = {name: (-log).exp() for name, log in logs.items()}
        total = sum(weights[name] * value + logs[name] / 2 for name, value in values.items())
        return total, {f"{name}.weight": weight.detach() for name, weight in weights.items()}
