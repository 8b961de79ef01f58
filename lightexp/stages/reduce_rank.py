"""Training towards weights of low rank."""

from typing import Annotated

import torch
from pydantic import Field
from torch import nn

from lightexp.errors import ConfigError
from lightexp.ops.singular import shrink_singular_values
from lightexp.reparam import latent, layers, mask_of, reads_weight
from lightexp.spec import spec
from lightexp.stages.around_fit import AroundFit
from lightexp.stages.fit import Fit
from lightexp.stages.stage import Context


@spec
class ReduceRank(AroundFit):
    """Train on L + Σ λ·‖W‖_*, the sum of the singular values of each layer, so that small ones become 0.

    After every `every` steps comes the proximal step of the nuclear norm, W ← U · max(S − τ, 0) · Vᵀ (Cai et al. 2010), with
    τ = strength · every · rate(t) · σ₁: measured by the layer's own largest singular value σ₁, one strength suits layers of
    every scale, and it falls with the learning rate, as a proximal step does. Trained rank pruning (Xu et al. 2020) adds the
    subgradient of ‖W‖_* to the gradient instead, and projects now and then. `Factorize` by `Energy` behind it finds the rank.

    A convolution counts as the matrix of out × (in · rows · columns). A mask keeps its zeros, whatever rank that leaves. The fit
    goes to its end: an early epoch has the lower loss for its higher rank.

    fit: the training. strength: what each step takes from all singular values, as a share of the largest.
    """

    fit: Fit = Fit()
    strength: Annotated[float, Field(gt=0)] = 2e-3
    every: Annotated[int, Field(ge=1)] = 20

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.strength * self.every >= 1:
            raise ConfigError(
                f"strength · every is {self.strength * self.every:g}, which takes all there is: it must be below 1"
            )

    def __call__(self, model: nn.Module, context: Context) -> nn.Module:
        if not any(map(reads_weight, layers(model).values())):
            raise ConfigError("all weights are read from codebooks, which have no rank to reduce: do it before sharing weights")

        def before_step(model: nn.Module, step: int, steps: int) -> None:
            # A function of the step and the weights alone, so that a resumed training shrinks when it would have shrunk.
            if step and step % self.every == 0:
                self._shrink(model, self.strength * self.every * self.fit.rate(step / steps))

        return self.fit.train(model, context, before_step=before_step, settled=1.0)

    @torch.no_grad()
    def _shrink(self, model: nn.Module, share: float) -> None:
        for module in filter(reads_weight, layers(model).values()):
            weight = latent(module)
            acting = torch.where(mask_of(module), weight, 0)
            weight.copy_(shrink_singular_values(acting.flatten(1), share).reshape(weight.shape))
