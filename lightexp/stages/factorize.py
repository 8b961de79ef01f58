"""Low-rank factorization as a stage."""

from typing import ClassVar

import torch
from torch import nn

from lightexp.data import Splits
from lightexp.errors import ConfigError
from lightexp.factorize import SVD, Candidate, Factorization, GlobalRatio, RankChoice, Tucker2
from lightexp.factorize.factorization import is_linear, is_pointwise
from lightexp.reparam import layers
from lightexp.spec import spec
from lightexp.stages.skip import check_ahead, without
from lightexp.stages.stage import Context, Stage


@spec
class Factorize(Stage):
    """Put smaller layers in the place of each whose weight is near a product of low rank; a `Fit` behind it tunes them.

    A layer is replaced only where that saves weights. It is the weight as it acts that is factorized: masks and quantizers of a
    replaced layer go, so prune and quantize afterwards. Left as they are: grouped, one- and three-dimensional convolutions,
    subclasses of linear layers and convolutions, and layers that the net does not call (it reads their weight instead).

    linear: for linear layers and 1×1 convolutions. convolution: for other two-dimensional ones. None leaves them alone.
    skip: names of layers to leave, such as a classifier that has few classes.
    """

    codes: ClassVar[bool] = False

    linear: Factorization | None = SVD()
    convolution: Factorization | None = Tucker2()
    rank: RankChoice = GlobalRatio()
    skip: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.linear is not None and not self.linear.takes(nn.Linear(1, 1)):
            raise ConfigError(f"{type(self.linear).__name__} factorizes convolutions alone: choose SVD for linear layers")

    def check(self, model: nn.Module) -> None:
        found = layers(model)
        check_ahead(self.skip, model)
        if not any(self._method(name, layer) for name, layer in found.items()):
            raise ConfigError(f"there is no layer to factorize among {', '.join(found)}: mind linear, convolution and skip")
        if self.rank.known_ahead:
            self._chosen(found)

    def __call__(self, model: nn.Module, context: Context) -> nn.Module:
        without(self.skip, model)
        for name, (method, ranks) in self._chosen(_called(model, context.data)).items():
            _replace(model, name, method, ranks, context.seed)
        return model

    def _method(self, name: str, layer: nn.Module) -> Factorization | None:
        method = self.linear if is_linear(layer) or is_pointwise(layer) else self.convolution
        return method if method is not None and name not in self.skip and method.takes(layer) else None

    def _chosen(self, found: dict[str, nn.Module]) -> dict[str, tuple[Factorization, list[int]]]:
        """For each layer that gets smaller how it is factorized, and to which ranks.

        Raises:
            ConfigError: there is none.
        """
        methods = {name: self._method(name, layer) for name, layer in found.items()}
        candidates = {name: Candidate(method, found[name].weight) for name, method in methods.items() if method}
        ranks = self.rank(candidates) if candidates else {}
        chosen = {name: (methods[name], sizes) for name, sizes in ranks.items() if candidates[name].saves(sizes)}
        if not chosen:
            raise ConfigError(
                f"none of the layers {', '.join(candidates)} gets smaller by {self.rank}: choose lower ranks, or train longer towards low ones"
            )
        return chosen


def _called(model: nn.Module, data: Splits) -> dict[str, nn.Module]:
    """The layers whose `forward` the net calls. Others it uses by their weight, so nothing may take their place."""
    seen: set[nn.Module] = set()
    handles = [layer.register_forward_hook(lambda layer, *_: seen.add(layer)) for layer in layers(model).values()]
    training = model.training
    with torch.no_grad():
        model.eval()(data.batch(data.train, torch.arange(1, device=data.train.x.device))[0])
    model.train(training)
    for handle in handles:
        handle.remove()
    return {name: layer for name, layer in layers(model).items() if layer in seen}


@torch.no_grad()
def _replace(model: nn.Module, name: str, method: Factorization, ranks: list[int], seed: int) -> None:
    layer = layers(model)[name]
    made = method.edit(name, ranks).apply(model)
    for inner, factor in zip(made, method.factors(layer.weight, ranks, seed), strict=True):
        inner.weight.copy_(factor)
    if layer.bias is not None:
        made[-1].bias.copy_(layer.bias)
