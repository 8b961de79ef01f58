"""Taking whole channels away, so that the net is smaller and not only sparser."""

import copy
from bisect import bisect_left
from dataclasses import fields, replace
from typing import Annotated, ClassVar, Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from lightexp.data import Splits
from lightexp.errors import ConfigError
from lightexp.prune import Criterion, FilterNorm
from lightexp.reparam import layers, quantizer_of, strip
from lightexp.slim import Amount, Group, MACs, Step, cut, steps, trace
from lightexp.slim.choice import Scope
from lightexp.spec import spec
from lightexp.stages.fit import Fit
from lightexp.stages.skip import check_ahead, without
from lightexp.stages.stage import Context, Stage
from lightexp.statistics.gather import MEASURES, gather


@spec
class Slimming(Stage):
    """What every way of slimming is told.

    amount: how much goes, such as `MACs(0.5)`. criterion: scores the filters and neurons of each layer by the mean score of
    their weights; a channel that several layers write, as in a residual net, has the mean of its scores in them.
    scope: "global", where the channels of all layers compete, or "layer", where all lose about the same share.
    scale: "mean": scores are divided by the mean size of the layer's scores before they meet those of other layers; "none":
    they are compared as they are, as papers do with BatchNorm scales and the change of the loss.
    multiple: what the channels of each group are brought down to a multiple of; odd numbers are slow.
    layers: names of those to cut; empty: all that can be. skip: names of those to leave whole, with all that must be as wide.
    batches: of 128 training samples, for criteria that measure on data.
    """

    slims: ClassVar[bool] = True

    amount: Amount = MACs()
    criterion: Criterion = FilterNorm()
    scope: Scope = "global"
    scale: Literal["mean", "none"] = "mean"
    multiple: Annotated[int, Field(ge=1)] = 1
    layers: tuple[str, ...] = ()
    skip: tuple[str, ...] = ()
    batches: Annotated[int, Field(ge=1)] = 20

    def check(self, model: nn.Module) -> None:
        if unknown := self.criterion.needs - MEASURES.keys():
            raise ConfigError(f"{type(self.criterion).__name__} needs {min(unknown)!r}; there are: {', '.join(MEASURES)}")
        self.criterion.check(model)
        self.amount.check()
        check_ahead(self.layers, model, "layers")
        check_ahead(self.skip, model)

    def check_both(self, model: nn.Module, data: Splits) -> None:
        ahead = replace(self, layers=tuple(name for name in self.layers if name in layers(model)))
        self._least(model, ahead.groups(model, data), data, self.amount.of(model, data.input_shape))

    def groups(self, model: nn.Module, data: Splits) -> list[Group]:
        """The channels that may go.

        Raises:
            ConfigError: there are none, or a named layer has none; says why.
        """
        found = trace(model, data.batch(data.train, torch.arange(2, device=data.train.x.device))[0])
        for name in self.layers:
            if name in found.whole:
                raise ConfigError(f"the channels of layer {name} cannot be cut: {found.whole[name]}")
            self._check_free(name, found.groups)
        wanted = set(self.layers or layers(model)) - set(self.skip)
        groups = [g for g in found.groups if wanted & g.written.keys() and not set(self.skip) & g.written.keys()]
        if not groups:
            reasons = "; ".join(f"{name}: {why}" for name, why in found.whole.items())
            raise ConfigError(f"the net has no layer whose channels can be cut ({reasons[:300]})")
        return groups

    def _check_free(self, name: str, groups: list[Group]) -> None:
        """Complain of a named layer that must be as wide as those that are to be left whole.

        Raises:
            ConfigError: names one of them.
        """
        tied = [set(self.skip) & group.written.keys() for group in groups if name in group.written]
        if tied and all(tied):
            raise ConfigError(
                f"the channels of layer {name} cannot be cut: they are also those of {min(tied[0])}, which skip leaves whole"
            )

    def _least(self, model: nn.Module, groups: list[Group], data: Splits, dense: float) -> None:
        """Complain of an amount that is more than all that can go.

        Raises:
            ConfigError: names the largest.
        """
        everything = steps(groups, [torch.zeros(len(group)) for group in groups], "layer", self.multiple)
        left = self.amount.of(cut(strip(copy.deepcopy(model)), everything), data.input_shape)
        if left > (1 - self.amount.share) * dense:
            largest = max(0.0, int((1 - left / dense) * 1e4) / 1e4)
            raise ConfigError(
                f"{type(self.amount).__name__} cannot be cut by a share of {self.amount.share:g}, since each layer keeps at "
                f"least {self.multiple} of its channels: ask for at most {largest:g}"
            )


@spec
class Slim(Slimming):
    """Take the channels of the lowest scores out of the net, once; a `Fit` behind it tunes what is left.

    What goes is real: filters, neurons, their biases and normalisation, and what the layers behind read of them. The net then
    says what it said when nothing read those channels. Which channels belong together is found by torch-pruning's dependency
    graph (Fang et al. 2023) and tried; a layer whose channels cannot go is left whole unless it is named. Masks are cut along;
    quantized weights are refused.
    """

    needs_floats: ClassVar[bool] = True

    def __call__(self, model: nn.Module, context: Context) -> nn.Module:
        for name, layer in layers(model).items():
            if quantizer_of(layer) is not None:
                raise ConfigError(f"layer {name} has quantized weights, whose codes cannot be cut: slim before quantizing")
        without(self.layers, model, "layers")
        without(self.skip, model)
        data, training = context.data, model.training
        model.eval()
        dense = self.amount.of(context.fresh(), data.input_shape)
        groups = self.groups(model, data)
        self._least(model, groups, data, dense)
        ordered = steps(groups, self._scores(model, groups, context), self.scope, self.multiple)
        return cut(model, self._chosen(model, ordered, data, dense)).train(training)

    def _chosen(self, model: nn.Module, ordered: list[Step], data: Splits, dense: float) -> list[Step]:
        """The first steps that are enough, without those that turn out not to be needed, of which the last come back first."""
        plain, most = strip(copy.deepcopy(model)), (1 - self.amount.share) * dense

        def fits(taken: list[Step]) -> bool:
            return self.amount.of(cut(copy.deepcopy(plain), taken), data.input_shape) <= most

        taken = ordered[: bisect_left(range(len(ordered)), True, key=lambda count: fits(ordered[:count]))]
        if not self.amount.exact:
            return taken
        needed: set[int] = set()
        for at in reversed(range(len(taken))):
            if id(taken[at].group) in needed:
                continue
            if fits(fewer := taken[:at] + taken[at + 1 :]):
                taken = fewer
            else:
                needed.add(id(taken[at].group))
        return taken

    def _scores(self, model: nn.Module, groups: list[Group], context: Context) -> list[Tensor]:
        """A score for each channel of each group, float64."""
        statistics = gather(model, context.data, self.criterion.needs, self.batches, context.seed)
        found: dict[str, Tensor] = {}
        for name, layer in layers(model).items():
            score = self.criterion(layer.weight.detach(), statistics[name]).double().flatten(1).mean(1).cpu()
            if score.isnan().any():
                raise ConfigError(
                    f"{type(self.criterion).__name__} gives scores that are no numbers in layer {name}: choose another"
                )
            size = score.abs().mean()
            found[name] = score / size if self.scale == "mean" and size > 0 else score
        return [
            torch.stack([found[name][indices].mean(1) for name, indices in group.written.items() if name in found]).mean(0)
            for group in groups
        ]


@spec
class SlimIteratively(Slimming):
    """Slim a little and tune, `rounds` times: after round i a share of 1 − (1 − share)^(i / rounds) is gone.

    Every cut and every fit of it is a stage of its own in the store, and scores are measured anew on what the last one left.
    """

    rounds: Annotated[int, Field(ge=1)] = 5
    tune: Fit = Fit()

    def parts(self) -> list[tuple[str, Stage]]:
        options = {field.name: getattr(self, field.name) for field in fields(Slim)}
        found: list[tuple[str, Stage]] = []
        for done in range(1, self.rounds + 1):
            found.append((f"{done}.slim", Slim(**options | {"amount": self.amount.partway(done / self.rounds)})))
            found += [(f"{done}.tune", self.tune)] if self.tune.epochs else []
        return found
