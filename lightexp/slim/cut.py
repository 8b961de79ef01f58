"""Taking channels away."""

from collections.abc import Iterable

import torch
from torch import Tensor, nn

from lightexp.reparam import layers, mask_module, mask_of, set_mask, strip
from lightexp.slim.group import Group
from lightexp.surgery import Widths
from lightexp.surgery.widths import is_depthwise, select, sized, widths


@torch.no_grad()
def cut(model: nn.Module, gone: Iterable[tuple[Group, Tensor]]) -> nn.Module:
    """Take channels away, given by their numbers in each group; changes the net, which says so to its file.

    Masks are cut along. Weights may have no quantizers.
    """
    found = sized(model)
    kept = {name: tuple(torch.ones(size, dtype=torch.bool) for size in widths(module)) for name, module in found.items()}
    for group, channels in gone:
        for side, indices in enumerate((group.written, group.read)):
            for name, members in indices.items():
                kept[name][side][members[channels].flatten()] = False
    masks = {name: mask_of(module) for name, module in layers(model).items() if mask_module(module)}
    strip(model)
    for name, module in found.items():
        out, into = (keep.nonzero().flatten() for keep in kept[name])
        if name in masks:
            masks[name] = masks[name][out] if is_depthwise(module) else masks[name][out][:, _within(module, into)]
        select(module, out, _within(module, into))
        if name in masks:
            set_mask(module, masks[name])
    model.edit = Widths.of(model)
    return model


def _within(module: nn.Module, into: Tensor) -> Tensor | slice:
    """Inputs as indices into the weight, which in a convolution in groups has only those of one group: all of them stay."""
    return slice(None) if getattr(module, "groups", 1) > 1 else into
