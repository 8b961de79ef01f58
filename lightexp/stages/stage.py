"""The contract of a stage."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, ClassVar

from torch import nn

from lightexp.data import Splits
from lightexp.distill import Teacher
from lightexp.train import Epoch, Surroundings


@dataclass
class Context:
    """What a stage works with.

    seed: drawn from the stage's key, for all its randomness. teacher: the trained chain that the stage refers to.
    earlier: the net after the step that a `Rewind` names; the stage may change it. fresh: makes the chain's net anew, with
    weights drawn from the stage's seed. curve: the epochs of its training, which the stage leaves here.
    """

    data: Splits
    seed: int
    teacher: Teacher | None = None
    earlier: nn.Module | None = None
    fresh: Callable[[], nn.Module] | None = None
    around: Surroundings = field(default_factory=Surroundings)
    curve: list[Epoch] = field(default_factory=list)

    def __getstate__(self) -> dict[str, Any]:
        # What another process that trains the same net needs; the rest holds on to all of the run.
        return self.__dict__ | {"fresh": None, "around": Surroundings()}


class Stage:
    """A pure function of a net, its own fields and a seed. It may change the net that it is given.

    A stage either computes (`__call__`) or consists of others (`parts`).
    """

    teacher: Any = None
    """Another `Chain`, to be run first, whose net answers as `Context.teacher`, or a `Lineage` or an `Ensemble` of some."""

    sparsity: float | None = None
    """The share of zeros that it is asked for, if it prunes."""

    amount: Any = None
    """The `lightexp.slim.Amount` of the net that it is asked to take away, if it does that."""

    prunes: ClassVar[bool] = False
    """Whether it leaves pruned weights behind."""

    needs_pruned: ClassVar[bool] = False
    """Whether it works on weights that a stage before it has pruned."""

    slims: ClassVar[bool] = False
    """Whether it leaves layers of fewer channels than the net was built with."""

    codes: ClassVar[bool | None] = None
    """True if it leaves weights behind that are codes of a quantizer, False if it may take such codes away."""

    needs_floats: ClassVar[bool] = False
    """Whether it works on weights that are no codes alone."""

    needs_codes: ClassVar[bool] = False
    """Whether it works on weights that are codes."""

    shares: bool = False
    """Whether it leaves all weights behind as codes that no training changes."""

    needs_moving: bool = False
    """Whether it works on weights that training moves."""

    def __call__(self, model: nn.Module, context: Context) -> nn.Module:
        for _, stage in self.parts():
            model = stage(model, context)
        return model

    def parts(self) -> "list[tuple[str, Stage]]":
        """The named stages that it consists of, if it is made of others: each of them is kept and resumed on its own."""
        return []

    def budget(self) -> int:
        """Epochs of training it takes."""
        return 0

    def check(self, model: nn.Module) -> None:
        """Complain now, before anything is trained, about what cannot work on this net."""

    def check_data(self, data: Splits) -> None:
        """Complain now, before anything is trained, about a data set that it cannot work with."""

    def check_both(self, model: nn.Module, data: Splits) -> None:
        """Complain now, before anything is trained, about what cannot work on this net with this data.

        Not asked behind a stage that slims, where the net's layers are no longer what they are now.
        """
