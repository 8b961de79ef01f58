"""What allocations have in common that cut groups of weights whole."""

import math
from abc import abstractmethod
from typing import Literal

import torch
from torch import Tensor

from lightexp.errors import ConfigError
from lightexp.prune.allocation import Allocation
from lightexp.spec import spec


@spec
class Structured(Allocation):
    """Groups of weights stay or go as one, by the mean of their scores, in which weights that are already pruned count 0.

    As many groups stay as bring the number of weights closest to what was asked for, but at least the best of each layer. A
    layer that is one single group thereby stays whole, and the others make up for it.

    scope: whether the groups of all layers compete ("global"), or each layer that can be cut loses the same share ("layer",
    whose total then misses by up to half a group a layer).
    """

    scope: Literal["global", "layer"] = "global"

    @abstractmethod
    def groups(self, name: str, weight: Tensor, is_last: bool) -> Tensor:
        """Which weights belong together: groups × members, int64, indices into the flat weight."""

    def check(self, weights: dict[str, Tensor], sparsity: float | None) -> None:
        groups = self._groups(weights)
        total = sum(weight.numel() for weight in weights.values())
        least = self._least(groups)
        if total - round(sparsity * total) < least:
            largest = math.floor((1 - least / total) * 1e4) / 1e4
            raise ConfigError(
                f"the allocation {type(self).__name__} cannot reach sparsity {sparsity} on this net, since each layer keeps "
                f"at least a group: ask for at most {largest}"
            )

    def __call__(self, scores: dict[str, Tensor], sparsity: float | None) -> dict[str, Tensor]:
        groups = self._groups(scores)
        total = sum(layer.numel() for layer in scores.values())
        kept = total - round(sparsity * total)
        if self.scope == "global":
            return _keep_groups(scores, groups, kept)
        whole = sum(members.numel() for members in groups.values() if len(members) == 1)
        density = (kept - whole) / max(1, total - whole)
        counts = {name: layer.numel() * (1.0 if len(groups[name]) == 1 else density) for name, layer in scores.items()}
        return {
            name: mask for name, layer in scores.items() for mask in _keep_groups({name: layer}, groups, counts[name]).values()
        }

    def _groups(self, weights: dict[str, Tensor]) -> dict[str, Tensor]:
        last = list(weights)[-1]
        return {name: self.groups(name, weight, name == last) for name, weight in weights.items()}

    def _least(self, groups: dict[str, Tensor]) -> int:
        """The smallest number of weights that can be asked to stay."""
        if self.scope == "global":
            return sum(members.shape[1] for members in groups.values())
        free = [members for members in groups.values() if len(members) > 1]
        whole = sum(members.numel() for members in groups.values() if len(members) == 1)
        # All have one density, and the layer of the fewest groups is the first to be down to one.
        fewest = min((len(members) for members in free), default=1)
        return whole + math.ceil(sum(members.numel() for members in free) / fewest)


def indices(weight: Tensor) -> Tensor:
    """The place of each weight in the flat weight, in the weight's shape."""
    return torch.arange(weight.numel(), device=weight.device).reshape(weight.shape)


def _keep_groups(scores: dict[str, Tensor], groups: dict[str, Tensor], count: float) -> dict[str, Tensor]:
    """Keep the best groups, at least one a layer, so that the living weights in them come closest to `count`."""
    means, sizes = [], []
    for name, layer in scores.items():
        members = layer.reshape(-1)[groups[name]]
        alive = ~members.isneginf()
        mean = torch.where(alive, members, 0).double().mean(1).masked_fill(~alive.any(1), -torch.inf)
        mean[mean.argmax()] = torch.inf
        means.append(mean)
        sizes.append(alive.sum(1))
    order = torch.cat(means).argsort(descending=True, stable=True)
    # The best group of each layer stands in front.
    running = torch.cat(sizes)[order].cumsum(0)[len(scores) - 1 :]
    distance = (running - count).abs()
    kept = torch.zeros(len(order), dtype=torch.bool, device=order.device)
    kept[order[: len(scores) + int((distance == distance.min()).nonzero()[0])]] = True
    masks = {}
    for (name, layer), chosen in zip(scores.items(), kept.split([len(mean) for mean in means]), strict=True):
        mask = torch.zeros(layer.numel(), dtype=torch.bool, device=layer.device)
        mask[groups[name][chosen]] = True
        masks[name] = mask.reshape(layer.shape) & ~layer.isneginf()
    return masks
