"""Finding the channels of a net that can be cut."""

import copy
from collections import defaultdict
from dataclasses import dataclass

import numpy as np
import torch
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components
from torch import Tensor, nn

from lightexp.reparam import layers, strip
from lightexp.slim.cut import cut
from lightexp.slim.group import Group
from lightexp.slim.links import IN, OUT, Axis, Links, ask, line
from lightexp.surgery.widths import is_depthwise, sized, widths


@dataclass(frozen=True)
class Traced:
    """groups: the channels that can be cut. whole: of every layer whose channels cannot, why."""

    groups: list[Group]
    whole: dict[str, str]


def trace(model: nn.Module, inputs: Tensor) -> Traced:
    """Ask torch-pruning's dependency graph (Fang et al. 2023) which indices of which modules are one channel, and try it.

    The answer is believed of a group only after a trial: the net without half of its channels must say what the whole net says
    when nothing reads them. So a view of fixed sizes, a sum over channels, a shuffle of them are found out, whatever they are
    made of. Groups that fail are left whole.

    inputs: a few samples, N × shape. The net is left as it is.

    Raises:
        ConfigError: the net cannot be traced at all.
    """
    plain = strip(copy.deepcopy(model)).eval()
    groups, whole = _groups(plain, ask(plain, inputs))
    good, reasons = _tried(plain, groups, inputs)
    return Traced(good, whole | reasons)


def _groups(net: nn.Module, links: Links) -> tuple[list[Group], dict[str, str]]:
    """The channels as sets of indices that belong together, those of the same modules as a group; and layers that have none."""
    label = _label(net, links)
    why = {label[axis][at]: reason for axis, indices, reason in links.bound for at in indices if at < len(label[axis])}
    channels: dict[int, dict[Axis, list[int]]] = defaultdict(lambda: defaultdict(list))
    for axis, numbers in label.items():
        for at, number in enumerate(numbers):
            channels[number][axis].append(at)
    kinds: dict[tuple, list[dict[Axis, list[int]]]] = defaultdict(list)
    whole = dict.fromkeys(links.unseen, "the net does not call it")
    for number, places in channels.items():
        if number in why:
            whole |= {name: why[number] for name, side in places if side == OUT}
        elif any(side == OUT and name not in links.unseen for name, side in places):
            kinds[tuple((axis, len(indices)) for axis, indices in places.items())].append(places)
    groups = [_group(net, places) for places in kinds.values()]
    return groups, _without_any(net, groups, whole)


def _label(net: nn.Module, links: Links) -> dict[Axis, list[int]]:
    """For each index of each axis the number of its channel."""
    found = sized(net)
    sizes = {(name, side): widths(module)[side] for name, module in found.items() for side in (OUT, IN)}
    first = dict(zip(sizes, np.cumsum([0, *sizes.values()])[:-1].tolist(), strict=True))
    pairs = [
        # A shorter axis, as before a padding by channels, takes part with what it has.
        (first[one] + a, first[other] + b)
        for one, here, other, there in links.same
        for a, b in zip(here, there, strict=True)
        if a is not None and b < sizes[other]
    ]
    for name, module in found.items():
        if not _separate(module):
            pairs += [(first[name, OUT] + at, first[name, IN] + at) for at in range(sizes[name, OUT])]
    count, (start, end) = sum(sizes.values()), np.array(pairs, np.int64).reshape(-1, 2).T
    _, label = connected_components(coo_matrix((np.ones(len(start)), (start, end)), (count, count)), directed=False)
    return {axis: label[first[axis] : first[axis] + size].tolist() for axis, size in sizes.items()}


def _group(net: nn.Module, channels: list[dict[Axis, list[int]]]) -> Group:
    found = sized(net)

    def indices(wanted: int) -> dict[str, Tensor]:
        axes = [axis for axis in channels[0] if axis[1] == wanted]
        return {axis[0]: torch.tensor([places[axis] for places in channels]) for axis in axes}

    written, read = indices(OUT), indices(IN)
    return Group(written, {name: members for name, members in read.items() if name not in written or _separate(found[name])})


def _separate(module: nn.Module) -> bool:
    """Whether inputs and outputs are different channels."""
    return isinstance(module, nn.Linear) or (hasattr(module, "groups") and not is_depthwise(module))


def _tried(net: nn.Module, groups: list[Group], inputs: Tensor) -> tuple[list[Group], dict[str, str]]:
    """Those groups that pass the trial; the layers of the others, with what went wrong."""
    if not _failure(net, groups, inputs):
        return groups, {}
    failures = [_failure(net, [group], inputs) for group in groups]
    good = [group for group, why in zip(groups, failures, strict=True) if not why]
    whole = {name: why for group, why in zip(groups, failures, strict=True) if why for name in group.written}
    if why := _failure(net, good, inputs):
        good, whole = [], whole | {name: f"with others, {why}" for group in good for name in group.written}
    return good, _without_any(net, good, whole)


def _without_any(net: nn.Module, groups: list[Group], whole: dict[str, str]) -> dict[str, str]:
    """Those of the reasons that are of layers of which no channel can be cut."""
    cuttable = {name for group in groups for name in group.written}
    return {name: why for name, why in whole.items() if name in layers(net) and name not in cuttable}


@torch.no_grad()
def _failure(net: nn.Module, groups: list[Group], inputs: Tensor) -> str | None:
    gone = [(group, _half(len(group))) for group in groups]
    silent = copy.deepcopy(net)
    for group, channels in gone:
        for name, members in group.read.items():
            silent.get_submodule(name).weight[:, members[channels].flatten()] = 0
    whole, expected = net(inputs), silent(inputs)
    try:
        found = cut(copy.deepcopy(net), gone)(inputs)
    except Exception as error:  # whatever a net's own code raises where its sizes are others
        return f"the net fails when they are fewer: {line(error)}"
    # By how much what is read of them matters, and what rounding may do.
    if (found - expected).abs().max() > 0.01 * (whole - expected).abs().max() + 1e-4 * whole.abs().max():
        return "they reach the net's answers also past the layers that read them"
    return None


def _half(size: int) -> Tensor:
    return torch.randperm(size, generator=torch.Generator().manual_seed(size))[: size // 2]
