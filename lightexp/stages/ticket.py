"""Looking for a lottery ticket."""

from lightexp.spec import spec
from lightexp.stages.iterative import PruneIteratively
from lightexp.stages.rewind import Rewind
from lightexp.stages.stage import Stage


@spec
class PruneAndRewind(PruneIteratively):
    """Prune, rewind and train again, `rounds` times: w ← m_i ⊙ w_k, with densities as in `PruneIteratively`.

    The search for a lottery ticket (Frankle & Carbin 2019; with rewinding to an early step, Frankle et al. 2020). Each training
    runs through the whole of its own rate schedule, as the first one did, instead of going on from step k of it.

    tune: the training of each round. to: see `Rewind`.
    """

    to: str | None = None

    def behind_cut(self) -> list[tuple[str, Stage]]:
        return [("rewind", Rewind(self.to)), *super().behind_cut()]
