"""Training towards weights of low rank."""

from collections.abc import Callable
from typing import Annotated

import torch
from pydantic import Field
from torch import nn

from lightexp.errors import ConfigError
from lightexp.ops.singular import shrink_singular_values
from lightexp.reparam import latent, layers, mask_of, reads_weight
from lightexp.spec import spec
from lightexp.stages.shrinking import Shrinking
from lightexp.stages.stage import Context


@spec
class ReduceRank(Shrinking):
    """Train on L + Σ λ·‖W‖_*, the sum of the singular values of each layer, so that small ones become 0.

    The step is that of the nuclear norm, W ← U · max(S − τ, 0) · Vᵀ (Cai et al. 2010), with
    τ = strength · every · rate(t) · σ₁, where σ₁ is the layer's own largest singular value. Trained rank pruning (Xu et al. 2020)
    adds the subgradient of ‖W‖_* to the gradient instead, and projects now and then. `Factorize` by `Energy` behind it finds the
    rank.

    A convolution counts as the matrix of out × (in · rows · columns). A mask keeps its zeros, whatever rank that leaves. The fit
    goes to its end: an early epoch has the lower loss for its higher rank.

    fit: the training. strength: what each step takes from all singular values, as a share of the largest.
    """

    strength: Annotated[float, Field(gt=0)] = 2e-3

    def shrinking(self, model: nn.Module, context: Context) -> Callable[[nn.Module, float], None]:
        if not any(map(reads_weight, layers(model).values())):
            raise ConfigError("all weights are read from codebooks, which have no rank to reduce: do it before sharing weights")
        return shrink_ranks


@torch.no_grad()
def shrink_ranks(model: nn.Module, share: float) -> None:
    """The proximal step of the nuclear norm on each layer; see `ReduceRank`."""
    for module in filter(reads_weight, layers(model).values()):
        weight = latent(module)
        acting = torch.where(mask_of(module), weight, 0)
        weight.copy_(shrink_singular_values(acting.flatten(1), share).reshape(weight.shape))
