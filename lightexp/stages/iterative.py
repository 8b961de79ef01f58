"""Pruning and tuning in turn."""

from dataclasses import replace
from typing import Annotated

from pydantic import Field

from lightexp.errors import ConfigError
from lightexp.spec import spec
from lightexp.stages.fit import Fit
from lightexp.stages.prune import Prune, Pruning
from lightexp.stages.stage import Stage


@spec
class PruneIteratively(Pruning):
    """Prune a little and tune, `rounds` times (Han et al. 2015): after round i the density is (1 − sparsity)^(i / rounds).

    Every cut and every fit of it is a stage of its own in the store. A tune of 0 epochs leaves the cuts alone, as SynFlow wants.
    """

    rounds: Annotated[int, Field(ge=1)] = 5
    tune: Fit = Fit()

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.sparsity is None:
            raise ConfigError("iterative pruning needs a sparsity to go to; an allocation that finds its own fits only `Prune`")

    def parts(self) -> list[tuple[str, Stage]]:
        steps: list[tuple[str, Stage]] = []
        for done in range(1, self.rounds + 1):
            density = (1 - self.sparsity) ** (done / self.rounds)
            target = self.sparsity if done == self.rounds else 1 - density
            steps.append((f"{done}.prune", Prune(target, self.criterion, self.allocation, self.batches)))
            if self.tune.epochs:
                steps.append((f"{done}.tune", replace(self.tune)))
        return steps
