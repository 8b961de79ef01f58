from typing import Annotated

from pydantic import Field
from torch import Tensor

from lightexp.factorize.rank_choice import Candidate, RankChoice, energies
from lightexp.spec import spec


@spec
class Energy(RankChoice):
    """The smallest ranks whose singular values hold a share of the energy: Σ_{i≤r} σ_i² ≥ share · Σ σ_i², for each matrix.

    For SVD that is ‖W − Ŵ‖² ≤ (1 − share)·‖W‖². For Tucker2 the two errors add up at most (De Lathauwer et al. 2000). For CP it
    is a lower bound, since a CP of rank r is a matrix of rank r or less: less of the energy may be held than the share.
    """

    share: Annotated[float, Field(gt=0, le=1)] = 0.95

    def __call__(self, candidates: dict[str, Candidate]) -> dict[str, list[int]]:
        return {name: [self._rank(held) for held in energies(candidate)] for name, candidate in candidates.items()}

    def _rank(self, energy: Tensor) -> int:
        held = energy.cumsum(0)
        return 1 + int((held < self.share * held[-1]).sum())
