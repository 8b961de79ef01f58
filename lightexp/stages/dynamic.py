"""Masks that change while the net trains."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Annotated, ClassVar

from pydantic import Field
from torch import nn

from lightexp.reparam import layers, mask_module, mask_of, set_mask
from lightexp.spec import spec
from lightexp.stages.around_fit import AroundFit
from lightexp.stages.fit import Fit
from lightexp.stages.masked import movable
from lightexp.stages.stage import Context


@spec
class Dynamic(AroundFit, ABC):
    """A fit that changes the masks ahead of every `every`-th step, the first one included, until `end`; then they hold.

    fit: the training. every: steps between changes. end: share of the fit.
    """

    prunes: ClassVar[bool] = True
    needs_moving: ClassVar[bool] = True
    trains_pruned: ClassVar[bool] = False
    """Whether pruned weights train on, unseen, until `end`."""

    fit: Fit = Fit()
    every: Annotated[int, Field(ge=1)] = 100
    end: Annotated[float, Field(gt=0, le=1)] = 0.75

    @abstractmethod
    def changing(self, model: nn.Module, context: Context) -> Callable[[nn.Module, int, float], None]:
        """What changes the masks, given the net, the number t of the step, and t / T, where T is the step of the end.

        It is a function of these and of the stage's seed alone, so that a resumed training changes what it would have changed.
        """

    def __call__(self, model: nn.Module, context: Context) -> nn.Module:
        for module in movable(model).values():
            set_mask(module, mask_of(module))
        change = self.changing(model, context)

        def before_step(model: nn.Module, step: int, steps: int) -> None:
            last = self.end * steps
            _open(model, self.trains_pruned and step < last)
            if step < last and step % self.every == 0:
                change(model, step, step / last)

        self.fit.train(model, context, before_step=before_step, settled=self.end)
        _open(model, False)
        return model


def _open(model: nn.Module, opened: bool) -> None:
    for module in layers(model).values():
        mask_module(module).open = opened
