from collections.abc import Iterable
from typing import Annotated, ClassVar

from pydantic import Field
from torch import Tensor

from lightexp.errors import ConfigError
from lightexp.ops.select import keep_largest
from lightexp.prune.allocation import Allocation
from lightexp.spec import spec


@spec
class PerLayer(Allocation):
    """Each layer loses the share given for its name; one that is not named stays whole."""

    takes_sparsity: ClassVar[bool] = False

    sparsities: dict[str, Annotated[float, Field(ge=0, lt=1)]]

    def check(self, weights: dict[str, Tensor], sparsity: float | None) -> None:
        below = tuple(f"{name}." for name in weights)  # may be made by an earlier stage
        self._find([name for name in self.sparsities if not name.startswith(below)], weights)

    def _find(self, names: Iterable[str], weights: dict[str, Tensor]) -> None:
        for name in names:
            if name not in weights:
                raise ConfigError(f"the net has no layer {name!r} to prune; there are: {', '.join(weights)}")

    def partway(self, share: float) -> "PerLayer":
        return (
            PerLayer({name: 1 - (1 - sparsity) ** share for name, sparsity in self.sparsities.items()}) if share < 1 else self
        )

    def __call__(self, scores: dict[str, Tensor], sparsity: float | None) -> dict[str, Tensor]:
        self._find(self.sparsities, scores)
        wanted = {name: self.sparsities.get(name, 0.0) for name in scores}
        return {name: keep_largest(s, s.numel() - round(wanted[name] * s.numel())) for name, s in scores.items()}
