from typing import Annotated, ClassVar

from pydantic import Field

from lightexp.factorize.rank_choice import Candidate, RankChoice
from lightexp.spec import spec


@spec
class Ratio(RankChoice):
    """In each layer the largest ranks with weights after / weights before ≤ ratio; a layer that has none stays.

    Where there are two ranks, both are the same share of the full one: r_i = round(t · full_i). Small first and last layers
    suffer most: name them in the stage's `skip`, or take `GlobalRatio`.
    """

    known_ahead: ClassVar[bool] = True

    ratio: Annotated[float, Field(gt=0, lt=1)] = 0.25

    def __call__(self, candidates: dict[str, Candidate]) -> dict[str, list[int]]:
        largest = {name: self._largest(candidate) for name, candidate in candidates.items()}
        return {name: ranks for name, ranks in largest.items() if ranks}

    def _largest(self, candidate: Candidate) -> list[int]:
        full, best = candidate.factorization.full(candidate.weight.shape), []
        for rank in range(1, max(full) + 1):
            ranks = [max(1, round(rank * most / max(full))) for most in full]
            if candidate.params(ranks) > self.ratio * candidate.weight.numel():
                break
            best = ranks
        return best
