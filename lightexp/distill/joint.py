"""Several losses that look at the same answers."""

from abc import abstractmethod
from dataclasses import field, replace

from torch import Tensor, nn

from lightexp.distill.answers import Answers
from lightexp.distill.batch import Batch
from lightexp.distill.loss import Loss, Parts
from lightexp.distill.teacher import Teacher
from lightexp.errors import ConfigError
from lightexp.spec import spec

_CURVES = {"loss", "rate", "val_loss", "val_accuracy"}


@spec
class Joint(Loss):
    """Losses by name, added up as the subclasses say. Each net answers once a batch for all of them.

    Each loss is a part under its own name, as it is before it is weighed; its own parts are `name.part`.
    """

    losses: dict[str, Loss] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not self.losses:
            raise ConfigError(f"{type(self).__name__} has no losses: name at least one")
        for name in self.losses:
            if not name.isidentifier() or name in _CURVES:
                raise ConfigError(f"a loss cannot be called {name!r}: take a word other than {', '.join(sorted(_CURVES))}")

    @abstractmethod
    def total(self, values: dict[str, Tensor], own: nn.ModuleDict | None) -> tuple[Tensor, Parts]:
        """The loss, from the scalars of all, and parts that it adds itself. own: what `begin` gave."""

    @property
    def needs_teacher(self) -> bool:
        return any(loss.needs_teacher for loss in self.losses.values())

    def layers(self) -> tuple[tuple[str, ...], tuple[str, ...]]:
        of_student, of_teacher = zip(*(loss.layers() for loss in self.losses.values()), strict=True)
        return _union(of_student), _union(of_teacher)

    def begin(self, batch: Batch, student: nn.Module, teacher: Teacher | None) -> nn.ModuleDict:
        begun = {name: loss.begin(batch, student, teacher) for name, loss in self.losses.items()}
        return nn.ModuleDict({f"own_{name}": own for name, own in begun.items() if own is not None})

    def at(self, t: float) -> "Joint":
        losses = {name: loss.at(t) for name, loss in self.losses.items()}
        same = all(losses[name] is loss for name, loss in self.losses.items())
        return self if same else replace(self, losses=losses)

    def compare(
        self, labels: Tensor, student: Answers, teacher: Answers | None, own: nn.ModuleDict | None
    ) -> tuple[Tensor, Parts]:
        begun, values, parts = dict(own.items()) if own else {}, {}, {}
        for name, loss in self.losses.items():
            values[name], inner = loss.compare(labels, student, teacher, begun.get(f"own_{name}"))
            parts |= {name: values[name].detach()} | {f"{name}.{part}": value for part, value in inner.items()}
        total, more = self.total(values, own)
        return total, parts | more


def _union(names: tuple[tuple[str, ...], ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name for some in names for name in some))
