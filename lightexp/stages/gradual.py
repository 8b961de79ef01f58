"""Pruning while training."""

from typing import Annotated

from pydantic import Field
from torch import nn

from lightexp.errors import ConfigError
from lightexp.reparam import layers, mask_module, mask_of, reads_weight, set_mask
from lightexp.spec import spec
from lightexp.stages.around_fit import AroundFit
from lightexp.stages.fit import Fit
from lightexp.stages.prune import Pruning
from lightexp.stages.stage import Context
from lightexp.statistics import movement
from lightexp.statistics.gather import gather


@spec
class PruneGradually(AroundFit, Pruning):
    """Prune during a fit along a cubic: s(t) = s_end + (s_begin − s_end)·(1 − (t − begin)/(end − begin))³.

    (Zhu & Gupta 2018.) Until `end` every weight keeps training, masked or not, and each cut chooses anew among all of them, so
    a weight cut too early returns. After it the mask holds and the rest of the fit tunes what is left.

    fit: the training. begin, end: shares of it. every: steps between cuts.
    """

    fit: Fit = Fit()
    begin: Annotated[float, Field(ge=0, lt=1)] = 0.0
    end: Annotated[float, Field(gt=0, le=1)] = 0.7
    every: Annotated[int, Field(ge=1)] = 20

    @property
    def needs_moving(self) -> bool:
        return "movement" in self.criterion.needs

    def __post_init__(self) -> None:
        AroundFit.__post_init__(self)
        Pruning.__post_init__(self)
        if self.sparsity is None:
            raise ConfigError("gradual pruning needs a sparsity to go to; an allocation that finds its own fits only `Prune`")
        if self.begin >= self.end:
            raise ConfigError(
                f"gradual pruning begins at {self.begin} of the fit and ends at {self.end}: begin must be smaller"
            )

    def __call__(self, model: nn.Module, context: Context) -> nn.Module:
        found = layers(model)
        weights = sum(module.weight.numel() for module in found.values())
        first = 1 - sum(int(mask_of(module).sum()) for module in found.values()) / weights
        for module in found.values():
            set_mask(module, mask_of(module))
        if self.needs_moving:
            # Not from 0, where a cut ahead of the first step could not tell one weight from another.
            measured = gather(model, context.data, self.criterion.needs, self.batches, context.seed)
            movement.start(model, {name: figures.movement for name, figures in measured.items()})

        def before_step(model: nn.Module, step: int, steps: int) -> None:
            # A function of the step alone, so that a resumed training cuts when it would have cut.
            begin, end = int(self.begin * steps), int(self.end * steps)
            _open(model, step <= end)
            if step == end or (begin <= step < end and (step - begin) % self.every == 0):
                left = (end - step) / max(1, end - begin)
                self.cut(model, context, self.sparsity + (first - self.sparsity) * left**3, reviving=True)
            if step == end:
                _open(model, False)

        after_backward = movement.add if self.needs_moving else None
        self.fit.train(model, context, before_step=before_step, after_backward=after_backward, settled=self.end)
        _open(model, False)
        if self.end == 1:
            self.cut(model, context, self.sparsity, reviving=True)
        if self.needs_moving:
            movement.stop(model)
        return model


def _open(model: nn.Module, is_open: bool) -> None:
    """Let the gradient pass to pruned weights, or not."""
    for module in layers(model).values():
        mask_module(module).open = is_open and reads_weight(module)
