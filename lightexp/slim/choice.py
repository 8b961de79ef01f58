"""Which channels go first."""

from typing import Literal, NamedTuple

import torch
from torch import Tensor

from lightexp.slim.group import Group

Scope = Literal["global", "layer"]


class Step(NamedTuple):
    """Channels of a group that go together, by their numbers."""

    group: Group
    channels: Tensor


def steps(groups: list[Group], scores: list[Tensor], scope: Scope, multiple: int) -> list[Step]:
    """All that can go, in the order in which it goes.

    Of a group the lowest scores go first: at once as many as leave a multiple of `multiple`, then `multiple` at a time, and the
    last `multiple` stay (all of fewer). Between groups the lower mean score goes first, or in the scope "layer" the smaller
    share of its group that is then gone, so that all groups lose about the same share.
    """
    found: list[tuple[float, int, Step]] = []
    for number, (group, score) in enumerate(zip(groups, scores, strict=True)):
        order, size = score.argsort(stable=True), len(group)
        first = size % multiple or multiple
        ends = range(first, size - multiple + 1, multiple)
        for end in ends:
            channels = order[max(0, end - multiple) if end > first else 0 : end]
            key = float(score[channels].double().mean()) if scope == "global" else end / size
            found.append((key, number, Step(group, torch.sort(channels).values)))
    return [step for _, _, step in sorted(found, key=lambda entry: entry[:2])]
