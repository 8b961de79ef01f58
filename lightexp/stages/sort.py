"""Units in an order that takes few bytes."""

import torch
from torch import Tensor, nn

from lightexp.errors import ConfigError
from lightexp.reparam import layers, reorder
from lightexp.slim import Group, trace
from lightexp.spec import spec
from lightexp.stages.stage import Context, Stage
from lightexp.surgery.widths import sized, widths


@spec
class Sort(Stage):
    """Put the units and filters of each layer into the order of their biases; what the net answers stays the same up to rounding.

    Which of n units comes first makes no difference to a net, so log₂ n! bits of its file say nothing. Biases that ascend need
    their differences alone, most of them 0: n whole numbers of m values take about log₂ C(n + m − 1, n) bits instead of n·log₂ m.
    Units of equal biases follow by how many weights they have left. Put it last, behind the `Round` that makes biases whole numbers.

    Channels without biases, those that reach the net's answers in their order (see `lightexp.slim.trace`) and those of a net that
    cannot be traced stay where they are.
    """

    @torch.no_grad()
    def __call__(self, model: nn.Module, context: Context) -> nn.Module:
        model.eval()
        x = context.data.train.x
        try:
            groups = trace(model, context.data.batch(context.data.train, torch.arange(2, device=x.device))[0]).groups
        except ConfigError:
            return model
        found = sized(model)
        places = {name: tuple(torch.arange(size) for size in widths(module)) for name, module in found.items()}
        for group in groups:
            order = _order(found, group)
            for side, indices in enumerate((group.written, group.read)):
                for name, members in indices.items():
                    places[name][side][members.flatten()] = members[order].flatten()
        for name, module in found.items():
            reorder(module, *(at.to(x.device) for at in places[name]))
        return model


def _order(found: dict[str, nn.Module], group: Group) -> Tensor:
    """The channels by the first bias that is added to them, then by the weights that write them."""
    written = [(found[name], members[:, 0]) for name, members in group.written.items()]
    order, biases = torch.arange(len(group)), [module.bias[at] for module, at in written if module.bias is not None]
    if not biases:
        return order
    counts = [(module.weight != 0).flatten(1).sum(1)[at] for module, at in written if module in layers(module).values()]
    for key in (sum(counts), biases[0]):
        order = order[key.cpu()[order].sort(stable=True).indices]
    return order
