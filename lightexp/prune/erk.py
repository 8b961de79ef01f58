import torch
from torch import Tensor

from lightexp.ops.select import keep_largest
from lightexp.prune.allocation import Allocation
from lightexp.spec import spec


@spec
class ERK(Allocation):
    """Density of a layer ∝ Σ sides / Π sides of its weight, at most 1 (Erdős–Rényi kernel, Evci et al. 2020).

    Small layers stay denser. Where a layer would pass 1 it stays whole, and the others share the rest; kept weights add up to
    n − round(sparsity·n).
    """

    def __call__(self, scores: dict[str, Tensor], sparsity: float | None) -> dict[str, Tensor]:
        sizes = {name: layer.numel() for name, layer in scores.items()}
        total = sum(sizes.values())
        raw = {name: sum(layer.shape) / layer.numel() for name, layer in scores.items()}
        kept = self._shares(sizes, raw, total - round(sparsity * total))
        return {name: keep_largest(layer, kept[name]) for name, layer in scores.items()}

    @staticmethod
    def _shares(sizes: dict[str, int], raw: dict[str, float], budget: int) -> dict[str, int]:
        whole: set[str] = set()
        while True:
            open_ = [name for name in sizes if name not in whole]
            left = budget - sum(sizes[name] for name in whole)
            factor = left / sum(raw[name] * sizes[name] for name in open_) if open_ else 0.0
            full = {name for name in open_ if factor * raw[name] > 1}
            if not full:
                break
            whole |= full
        exact = torch.tensor([sizes[n] if n in whole else factor * raw[n] * sizes[n] for n in sizes], dtype=torch.float64)
        counts = exact.floor()
        # Whole weights: what is left of the budget goes to the largest remainders.
        counts[torch.argsort(exact - counts, descending=True, stable=True)[: budget - int(counts.sum())]] += 1
        return {name: int(count) for name, count in zip(sizes, counts.tolist(), strict=True)}
