"""A net and what is done to it, in order: the description of a run, and of a teacher."""

from collections.abc import Callable
from dataclasses import field, replace
from typing import Any

from torch import nn

from lightexp.errors import ConfigError
from lightexp.spec import describe, digest, spec
from lightexp.stages.fit import Fit
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

    def steps(self) -> list[tuple[str, Stage]]:
        """The stages that run, by name, those that consist of others taken apart."""
        names = list(self.stages) if self.order is None else self.order
        return [step for name in names for step in _flatten(name, self.stages[name])]

    def keys(self, *origin: Any) -> list[str]:
        """The content address of the initial net and of the output of each step: keyᵢ = H(keyᵢ₋₁, stage i).

        origin: what else the result depends on (the data, the code). The names of the stages play no part, and neither does
        the order's own text. A teacher is part of its stage's description.
        """
        keys = [digest(*origin, describe(self.model), self.seed)]
        for _, stage in self.steps():
            keys.append(digest(keys[-1], describe(stage)))
        return keys

    def control(self) -> "Chain | None":
        """The same net trained as in its first fit, for as many epochs as the whole chain takes, and never compressed."""
        fits = (stage if isinstance(stage, Fit) else getattr(stage, "fit", None) for _, stage in self.steps())
        first = next(filter(None, fits), None)
        if first is None:
            return None
        epochs = sum(stage.budget() for _, stage in self.steps())
        return Chain(self.model, {"fit": replace(first, epochs=epochs)}, seed=self.seed)

    def __describe__(self) -> dict[str, Any]:
        return {"model": describe(self.model), "seed": self.seed, "stages": [describe(stage) for _, stage in self.steps()]}


def _flatten(name: str, stage: Stage) -> list[tuple[str, Stage]]:
    parts = stage.parts()
    return [step for part, inner in parts for step in _flatten(f"{name}.{part}", inner)] if parts else [(name, stage)]
