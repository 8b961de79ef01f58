"""Several teachers in the place of one."""

from typing import Any

from lightexp.distill import Equal, Panel, Teacher, Weighting
from lightexp.errors import ConfigError
from lightexp.spec import describe, spec
from lightexp.stages.chain import Chain
from lightexp.stages.lineage import Lineage


@spec
class Ensemble:
    """Chains and lineages by name, each trained once and kept as any teacher is, whose nets answer together for losses of logits.

    weighting: how much each of them counts.
    """

    teachers: dict[str, Chain | Lineage]
    weighting: Weighting = Equal()

    def __post_init__(self) -> None:
        if not self.teachers:
            raise ConfigError("an ensemble has no teachers: name at least one")

    def chains(self) -> dict[str, Chain]:
        return {f"teacher {name}": chain for name, one in self.teachers.items() for chain in one.chains().values()}

    def join(self, answering: list[Teacher]) -> Teacher:
        return Panel(answering, self.weighting)

    def __describe__(self) -> dict[str, Any]:
        # As the names of stages, those of teachers play no part.
        return {"teachers": describe(list(self.teachers.values())), "weighting": describe(self.weighting)}
