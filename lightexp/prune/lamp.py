import torch
from torch import Tensor

from lightexp.prune.allocation import Allocation, keep_largest_overall
from lightexp.spec import spec


@spec
class LAMP(Allocation):
    """Global on scores made comparable between layers: LAMP(u) = s_u² / Σ_{v: s_v ≥ s_u} s_v² (Lee et al. 2021).

    A layer's largest weight always scores 1, so no layer dies before the others are down to their last weight. Where a criterion
    scores below 0 the layer's scores are first shifted to begin there, or squaring would change their order.
    """

    def __call__(self, scores: dict[str, Tensor], sparsity: float | None) -> dict[str, Tensor]:
        return keep_largest_overall({name: self.comparable(layer) for name, layer in scores.items()}, sparsity)

    @staticmethod
    def comparable(scores: Tensor) -> Tensor:
        """LAMP's own scores of a layer: float64, 1 for the largest and -inf for what is gone."""
        flat = scores.reshape(-1).double()
        low = torch.where(flat.isneginf(), 0, flat).min().clamp_max(0)
        ordered, index = torch.where(flat.isneginf(), 0, flat - low).square().sort(descending=True, stable=True)
        ratio = torch.empty_like(flat)
        ratio[index] = ordered / ordered.cumsum(0).clamp_min(torch.finfo(torch.float64).tiny)
        return torch.where(flat.isneginf(), flat, ratio).reshape(scores.shape)
