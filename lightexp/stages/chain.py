"""A net and what is done to it, in order: the description of a run, and of a teacher."""

from collections.abc import Callable
from dataclasses import field, replace
from typing import Any

from torch import nn

from lightexp.distill import Teacher
from lightexp.errors import ConfigError
from lightexp.spec import describe, digest, spec
from lightexp.stages.fit import fit_of
from lightexp.stages.rewind import Rewind
from lightexp.stages.stage import Stage


@spec
class Chain:
    """A net and the named stages that it goes through.

    model: a class, function or partial that `lightexp.models.build` calls. order: names of `stages`; None takes all as they
    stand. seed: of the initial weights and of all that follows.
    """

    model: Callable[..., nn.Module]
    stages: dict[str, Any] = field(default_factory=dict)
    order: list[str] | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        for name in self.order or []:
            if name not in self.stages:
                raise ConfigError(f"order names the stage {name!r}, which is not defined; there are: {', '.join(self.stages)}")
        for name, stage in self.stages.items():
            if not isinstance(stage, Stage):
                raise ConfigError(f"stages.{name} is no stage: it is a {type(stage).__name__}")
        self.earlier()
        pruned, coded, shared = False, None, None
        for name, stage in self.steps():
            if stage.needs_pruned and not pruned:
                raise ConfigError(f"stage {name}: nothing is pruned by then; put a stage that prunes before it")
            if stage.needs_floats and coded:
                raise ConfigError(
                    f"stage {name}: stage {coded} has quantized the weights by then; put {name} before it in order"
                )
            if stage.needs_codes and not coded:
                raise ConfigError(f"stage {name}: nothing has quantized the weights by then; put a stage that does before it")
            if stage.needs_moving and shared:
                raise ConfigError(
                    f"stage {name}: stage {shared} has shared the weights by then, which no training moves; put {name} before it in order"
                )
            pruned |= stage.prunes
            shared = shared if stage.codes is None else name if stage.shares else None
            coded = coded if stage.codes is None else name if stage.codes else None

    def steps(self) -> list[tuple[str, Stage]]:
        """The stages that run, by name, those that consist of others taken apart."""
        return [step for name in self._names() for step in _flatten(name, self.stages[name])]

    def earlier(self) -> list[int | None]:
        """For each step the number of the step whose net it rewinds to (0: the initial net), or None if it does not rewind.

        A name stands for the last step of the stage, or for that of its last run where the order holds it several times.

        Raises:
            ConfigError: a step rewinds to a stage that has not run by then.
        """
        ends: dict[str | None, int] = {None: 0}
        found: list[int | None] = []
        for name in self._names():
            for step, stage in _flatten(name, self.stages[name]):
                rewinds = isinstance(stage, Rewind)
                if rewinds and stage.to not in ends:
                    there = ", ".join(filter(None, ends)) or "none"
                    raise ConfigError(
                        f"stage {step} rewinds to {stage.to!r}, which is no stage before it; "
                        f"there are: {there} (and null, the initial net)"
                    )
                found.append(ends[stage.to] if rewinds else None)
            ends[name] = len(found)
        return found

    def _names(self) -> list[str]:
        return list(self.stages) if self.order is None else self.order

    def keys(self, *origin: Any) -> list[str]:
        """The content address of the initial net and of the output of each step: keyᵢ = H(keyᵢ₋₁, stage i).

        origin: what else the result depends on (the data, the code). The names of the stages play no part, and neither does
        the order's own text: a step that rewinds is known by the key of the net that it goes back to. A teacher is part of its
        stage's description.
        """
        keys = [digest(*origin, describe(self.model), self.seed)]
        for (_, stage), earlier in zip(self.steps(), self.earlier(), strict=True):
            keys.append(digest(keys[-1], describe(stage), *([] if earlier is None else [keys[earlier]])))
        return keys

    def chains(self) -> dict[str, "Chain"]:
        """What is to be run for a stage whose teacher it is, by label."""
        return {"teacher": self}

    def join(self, answering: list[Teacher]) -> Teacher:
        """Who answers as the teacher, once the nets of all `chains` can."""
        return answering[0]

    def control(self) -> "Chain | None":
        """The same net trained as in its first fit, for as many epochs as the whole chain takes, and never compressed."""
        first = next(filter(None, (fit_of(stage) for _, stage in self.steps())), None)
        if first is None:
            return None
        epochs = sum(stage.budget() for _, stage in self.steps())
        return Chain(self.model, {"fit": replace(first, epochs=epochs)}, seed=self.seed)

    def __describe__(self) -> dict[str, Any]:
        stages = [
            describe(stage) | ({} if earlier is None else {"to": earlier})
            for (_, stage), earlier in zip(self.steps(), self.earlier(), strict=True)
        ]
        return {"model": describe(self.model), "seed": self.seed, "stages": stages}


def _flatten(name: str, stage: Stage) -> list[tuple[str, Stage]]:
    parts = stage.parts()
    return [step for part, inner in parts for step in _flatten(f"{name}.{part}", inner)] if parts else [(name, stage)]
