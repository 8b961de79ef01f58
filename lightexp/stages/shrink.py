"""Training towards channels that are 0, ahead of the cut that takes them away."""

from collections.abc import Callable
from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from lightexp.errors import ConfigError
from lightexp.reparam import latent, layers, mask_of, reads_weight
from lightexp.slim import Group, trace
from lightexp.spec import spec
from lightexp.stages.shrinking import Shrinking
from lightexp.stages.stage import Context


@spec
class ShrinkFilters(Shrinking):
    """Train on L + λ·Σ_c ‖w_c‖₂, the group lasso, by w_c ← w_c · max(0, 1 − τ/‖w_c‖).

    (Yuan & Lin 2006; on filters, Wen et al. 2016.) w_c is all that writes a channel c: a filter or neuron without its bias,
    those of all layers that write to one sum as in DepGraph (Fang et al. 2023), and the scale γ of their normalisations, since
    a filter before one could shrink for ever and change nothing. The largest ‖w_c‖ is that of the channels which
    `lightexp.slim.trace` finds in one group.
    """

    needs_moving: ClassVar[bool] = True

    def shrinking(self, model: nn.Module, context: Context) -> Callable[[nn.Module, float], None]:
        if not all(map(reads_weight, layers(model).values())):
            raise ConfigError("there are weights read from codebooks, which no step moves: do it before sharing weights")
        device = context.data.train.x.device
        groups = trace(model, context.data.batch(context.data.train, torch.arange(2, device=device))[0]).groups

        def shrink(model: nn.Module, share: float) -> None:
            for group in groups:
                shrink_group(model, group, share)

        return shrink


@spec
class ShrinkScales(Shrinking):
    """Train on L + λ·Σ |γ| over the scales γ of batch normalisations, by γ ← sign(γ) · max(0, |γ| − τ).

    Network slimming (Liu et al. 2017), which adds the subgradient λ·sign(γ) instead and so reaches no exact zeros. The largest
    |γ| is that of the same normalisation. `Slim` behind it with `BatchNormScale` and scale="none" cuts as the paper does.
    """

    def check(self, model: nn.Module) -> None:
        super().check(model)
        if not any(isinstance(module, _BatchNorm) and module.affine for module in model.modules()):
            raise ConfigError(f"the net {type(model).__name__} has no batch normalisation whose scales could shrink")

    def shrinking(self, model: nn.Module, context: Context) -> Callable[[nn.Module, float], None]:
        self.check(model)
        return shrink_scales


@torch.no_grad()
def shrink_group(model: nn.Module, group: Group, share: float) -> None:
    """The proximal step of the group lasso on the channels of a group; see `ShrinkFilters`."""
    parts = [(_weight(model.get_submodule(name)), members) for name, members in group.written.items()]
    parts = [(weight, members) for weight, members in parts if weight is not None]
    # What a mask hides is 0, whatever lies below it.
    squares = sum((acting[members].double().flatten(1).square().sum(1) for (_, acting), members in parts))
    norms = squares.sqrt()
    factor = (1 - share * norms.max() / norms).clamp_min(0).nan_to_num(0)
    for (weight, _), members in parts:
        weight[members] *= factor.to(weight.dtype).reshape(-1, *[1] * weight.dim())


def _weight(module: nn.Module) -> tuple[Tensor, Tensor] | None:
    """What training moves of a layer's weights or a normalisation's scales, and what acts of it; None if it has no scales."""
    if isinstance(module, _BatchNorm):
        return None if module.weight is None else (module.weight, module.weight)
    return latent(module), torch.where(mask_of(module), latent(module), 0)


@torch.no_grad()
def shrink_scales(model: nn.Module, share: float) -> None:
    """The proximal step of the L1 norm on the scales of each batch normalisation; see `ShrinkScales`."""
    for module in model.modules():
        if isinstance(module, _BatchNorm) and module.weight is not None:
            size = module.weight.abs()
            module.weight.copy_(module.weight.sign() * (size - share * size.max()).clamp_min(0))
