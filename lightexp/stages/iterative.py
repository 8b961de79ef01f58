"""Pruning and tuning in turn."""

from dataclasses import fields
from typing import Annotated

from pydantic import Field

from lightexp.spec import spec
from lightexp.stages.fit import Fit
from lightexp.stages.prune import Prune, Pruning
from lightexp.stages.stage import Stage


@spec
class PruneIteratively(Pruning):
    """Prune a little and tune, `rounds` times (Han et al. 2015): after round i the density is (1 − sparsity)^(i / rounds), of
    each layer where the allocation has an amount for each.

    Every cut and every fit of it is a stage of its own in the store. Where `tune` has no epochs there are cuts alone, each
    scored anew on what the last one left.
    """

    rounds: Annotated[int, Field(ge=1)] = 5
    tune: Fit = Fit()

    def __post_init__(self) -> None:
        super().__post_init__()
        self.allocation.partway(1.0)

    def parts(self) -> list[tuple[str, Stage]]:
        options = {field.name: getattr(self, field.name) for field in fields(Prune)}
        steps: list[tuple[str, Stage]] = []
        for done in range(1, self.rounds + 1):
            share = done / self.rounds
            target = self.sparsity if self.sparsity is None or share == 1 else 1 - (1 - self.sparsity) ** share
            part = options | {"sparsity": target, "allocation": self.allocation.partway(share)}
            steps.append((f"{done}.prune", Prune(**part)))
            steps += [(f"{done}.{name}", stage) for name, stage in self.behind_cut()]
        return steps

    def behind_cut(self) -> list[tuple[str, Stage]]:
        """What each round does with what its cut left."""
        return [("tune", self.tune)] if self.tune.epochs else []
