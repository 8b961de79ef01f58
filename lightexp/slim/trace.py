"""Finding the channels of a net that can be cut."""

import copy
import warnings
from collections import defaultdict
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components
from torch import Tensor, nn

from lightexp.errors import ConfigError
from lightexp.reparam import layers, strip
from lightexp.slim.cut import cut
from lightexp.slim.group import Group
from lightexp.surgery.widths import is_depthwise, sized, widths

OUT, IN = 0, 1
Axis = tuple[str, int]
"""The outputs or the inputs of a module."""


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
    groups, whole = _groups(plain, _links(plain, inputs))
    good, reasons = _tried(plain, groups, inputs)
    return Traced(good, whole | reasons)


@dataclass(frozen=True)
class _Links:
    """same: axes and equally many indices of each, pair by pair the same channel. bound: indices of an axis whose channels must
    stay, and why. unseen: layers that the net does not call."""

    same: list[tuple[Axis, list[int], Axis, list[int]]]
    bound: list[tuple[Axis, list[int], str]]
    unseen: list[str]


def _links(net: nn.Module, inputs: Tensor) -> _Links:
    import torch_pruning

    names = {module: name for name, module in sized(net).items()}
    for parameter in net.parameters():
        parameter.requires_grad_()
    with warnings.catch_warnings(), torch.enable_grad():
        warnings.simplefilter("ignore")
        try:
            # Times 1, so that the answers are an operation of their own.
            graph = torch_pruning.DependencyGraph().build_dependency(net, inputs, lambda net, x: net(x) * 1, verbose=False)
        except Exception as error:  # whatever the tracer makes of a net's operations
            raise ConfigError(f"torch-pruning cannot trace the net: {_line(error)}") from error
    found, covered = _Links([], [], []), defaultdict(set)
    for name, layer in layers(net).items():
        if layer not in graph.module2node:
            found.unseen.append(name)
            continue
        root, every = (name, OUT), list(range(widths(layer)[OUT]))
        if getattr(layer, "groups", 1) > 1 and not is_depthwise(layer):
            why = f"{name} is a convolution in groups of several channels"
            found.bound.extend([(root, every, why), ((name, IN), list(range(layer.in_channels)), why)])
        if covered[name] >= set(every):
            continue
        for item in graph.get_pruning_group(layer, graph.get_pruner_of_module(layer).prune_out_channels, every):
            target = item.dep.target
            if target.module in names:
                side = IN if item.dep.handler.__name__ == "prune_in_channels" else OUT
                found.same.append((root, item.root_idxs, (names[target.module], side), item.idxs))
                covered[names[target.module]] |= set(item.idxs if side == OUT else ())
            elif why := _binding(target):
                found.bound.append((root, item.root_idxs, why))
    return found


def _binding(node: Any) -> str | None:
    """Why channels that reach a node of torch-pruning's graph must stay, if they must: lightexp does not cut it."""
    from torch_pruning.ops import OPTYPE

    kind = type(node.module).__name__
    if node.type == OPTYPE.OUTPUT:
        return "they are the net's answers"
    if node.type == OPTYPE.PARAMETER:
        return f"a parameter of shape {list(node.module.shape)} that belongs to no layer goes with them"
    if node.type in (OPTYPE.LN, OPTYPE.GN, OPTYPE.IN, OPTYPE.PRELU, OPTYPE.MHA, OPTYPE.LSTM, OPTYPE.EMBED):
        return f"{node.name.partition(' ')[0]}, a {kind}, works on them"
    return None


def _groups(net: nn.Module, links: _Links) -> tuple[list[Group], dict[str, str]]:
    """The channels as sets of indices that belong together, those of the same modules as a group; and layers that have none."""
    sizes = {(name, side): widths(module)[side] for name, module in sized(net).items() for side in (OUT, IN)}
    offsets = dict(zip(sizes, np.cumsum([0, *sizes.values()])[:-1].tolist(), strict=True))
    pairs = [np.zeros((2, 0), np.int64)]
    for one, here, other, there in links.same:
        # A shorter axis, as before a padding by channels, takes part with what it has.
        both = [(a, b) for a, b in zip(here, there, strict=True) if a is not None and b < sizes[other]]
        pairs.append(np.array(both, np.int64).reshape(-1, 2).T + [[offsets[one]], [offsets[other]]])
    for name, module in sized(net).items():
        if name not in layers(net) or is_depthwise(module):
            through = np.arange(widths(module)[OUT])
            pairs.append(np.stack([through + offsets[name, OUT], through + offsets[name, IN]]))
    start, end = np.concatenate(pairs, 1)
    count = sum(sizes.values())
    _, label = connected_components(coo_matrix((np.ones(len(start)), (start, end)), (count, count)), directed=False)
    why = {label[offsets[axis] + at]: reason for axis, indices, reason in links.bound for at in indices if at < sizes[axis]}

    channels: dict[int, dict[Axis, list[int]]] = defaultdict(lambda: defaultdict(list))
    for axis, size in sizes.items():
        for at in range(size):
            channels[label[offsets[axis] + at]][axis].append(at)
    kinds: dict[tuple, list[dict[Axis, list[int]]]] = defaultdict(list)
    whole = dict.fromkeys(links.unseen, "the net does not call it")
    for number, places in channels.items():
        if number in why:
            whole |= {name: why[number] for name, side in places if side == OUT}
        elif any(side == OUT and name not in links.unseen for name, side in places):
            kinds[tuple((axis, len(indices)) for axis, indices in places.items())].append(places)
    groups = [_group(net, places) for places in kinds.values()]
    cuttable = {name for group in groups for name in group.written}
    return groups, {name: reason for name, reason in whole.items() if name in layers(net) and name not in cuttable}


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
    whole = {
        name: why for group, why in zip(groups, failures, strict=True) if why for name in group.written if name in layers(net)
    }
    return [group for group, why in zip(groups, failures, strict=True) if not why], whole


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
        return f"the net fails when they are fewer: {_line(error)}"
    # By how much what is read of them matters, and what rounding may do.
    if (found - expected).abs().max() > 0.01 * (whole - expected).abs().max() + 1e-4 * whole.abs().max():
        return "they reach the net's answers also past the layers that read them"
    return None


def _half(size: int) -> Tensor:
    return torch.randperm(size, generator=torch.Generator().manual_seed(size))[: size // 2]


def _line(error: BaseException) -> str:
    return str(error).partition("\n")[0][:200] or type(error).__name__
