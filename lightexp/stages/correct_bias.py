"""Biases for classes that a student never saw."""

from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor, nn

from lightexp.data import Splits
from lightexp.errors import ConfigError
from lightexp.reparam import layers
from lightexp.spec import spec
from lightexp.stages.stage import Context, Stage


@spec
class CorrectBias(Stage):
    """Raise the output biases of some classes, which a student that knows them from its teacher alone believes in too little.

    All of them by one amount (Hinton et al. 2015, section 3): the middle of the widest range that gives the fewest errors on
    the validation split; where several are as wide, the one closest to 0.

    labels: of the classes. by: the amount, to be given and not chosen, or None.
    """

    labels: Annotated[tuple[int, ...], Field(min_length=1)]
    by: float | None = None

    def check(self, model: nn.Module) -> None:
        outputs = len(_output_bias(model))
        unknown = [label for label in self.labels if not 0 <= label < outputs]
        if unknown or len(set(self.labels)) == outputs:
            raise ConfigError(f"labels must be some and not all of the classes 0 to {outputs - 1}, not {list(self.labels)}")

    @torch.no_grad()
    def __call__(self, model: nn.Module, context: Context) -> nn.Module:
        by = self._chosen(model, context.data) if self.by is None else self.by
        _output_bias(model)[list(self.labels)] += by
        return model

    def _chosen(self, model: nn.Module, data: Splits) -> float:
        model.eval()
        index = torch.arange(len(data.val), device=data.val.x.device)
        logits = torch.cat([model(data.batch(data.val, part)[0]) for part in index.split(1000)])
        return best_shift(logits, data.val.y, self.labels)


def best_shift(logits: Tensor, labels: Tensor, raised: tuple[int, ...]) -> float:
    """The amount to add to the logits (N×C) of the classes `raised` for the fewest errors, as `CorrectBias` chooses it.

    A sample's answer turns from the best of the other classes to the best raised one where the amount passes the gap between
    the two, so between neighbouring gaps no answer changes and all ranges can be counted.
    """
    inside = torch.zeros(logits.shape[1], dtype=torch.bool, device=logits.device)
    inside[list(raised)] = True
    raised_best, raised_class = logits.masked_fill(~inside, -torch.inf).max(1)
    other_best, other_class = logits.masked_fill(inside, -torch.inf).max(1)
    gaps, order = (other_best - raised_best).double().sort()
    # Passing a gap, in rising order, gains or loses that one sample.
    gain = ((raised_class == labels).long() - (other_class == labels).long())[order]
    right = torch.cat([gain.new_zeros(1), gain.cumsum(0)])
    # The ranges beyond the first and the last gap have no middle; one step outside stands for them.
    edges = torch.cat([gaps[:1] - 1, gaps, gaps[-1:] + 1])
    widths = edges.diff()
    real = widths > 0
    best = real & (right == right[real].max())
    widest = best & (widths == widths[best].max())
    middles = (edges[:-1] + edges[1:])[widest] / 2
    return float(middles[middles.abs().argmin()])


def _output_bias(model: nn.Module) -> Tensor:
    """The bias of the layer that gives the logits: the last one."""
    *_, (name, last) = layers(model).items()
    if last.bias is None:
        raise ConfigError(f"the last layer, {name}, has no bias to raise")
    return last.bias
