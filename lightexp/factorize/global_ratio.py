from bisect import bisect_left
from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor

from lightexp.errors import ConfigError
from lightexp.factorize.rank_choice import Candidate, RankChoice, energies
from lightexp.spec import spec


@spec
class GlobalRatio(RankChoice):
    """Weights after / weights before ≤ ratio, all layers together, spent where a weight holds most: the singular values with
    σ_i² / Σσ² ≥ θ · c stay, at least one a layer, for the lowest θ that the ratio allows.

    c = params(full ranks) / full rank is what a rank costs (for SVD: in + out), so that maximises the sum over layers of the
    share of energy held. Small first and last layers, where a rank costs little, stay whole: one that would not get smaller
    counts as it is.
    """

    ratio: Annotated[float, Field(gt=0, lt=1)] = 0.25

    def __call__(self, candidates: dict[str, Candidate]) -> dict[str, list[int]]:
        worth = {name: _worth(candidate) for name, candidate in candidates.items()}
        most = self.ratio * sum(candidate.weight.numel() for candidate in candidates.values())

        def ranks(threshold: float) -> dict[str, list[int]]:
            return {name: [max(1, int((held >= threshold).sum())) for held in found] for name, found in worth.items()}

        def fits(threshold: float) -> bool:
            return sum(min(candidates[n].params(r), candidates[n].weight.numel()) for n, r in ranks(threshold).items()) <= most

        thresholds = torch.cat([held for found in worth.values() for held in found]).unique().tolist()
        lowest = bisect_left(thresholds, True, key=fits)
        if lowest == len(thresholds):
            raise ConfigError(
                f"the ratio {self.ratio} cannot be reached: even at rank 1 the layers have over {most:.0f} weights"
            )
        return ranks(thresholds[lowest])


def _worth(candidate: Candidate) -> list[Tensor]:
    """For each of its matrices the share of the energy that each singular value holds, a weight that it costs."""
    factorization, weight = candidate
    full = factorization.full(weight.shape)
    return [
        energy / energy.sum().clamp_min(torch.finfo(energy.dtype).tiny) * most / factorization.params(weight.shape, full)
        for energy, most in zip(energies(candidate), full, strict=True)
    ]
