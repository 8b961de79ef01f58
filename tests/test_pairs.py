"""Any stage behind any other: the zeros stay, the file is the net, or one line says why the two make no sense."""

import functools
from dataclasses import replace
from itertools import product
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from lightexp.data import Splits, split
from lightexp.errors import ConfigError
from lightexp.quantize import LSQ
from lightexp.reparam import layers, mask_of, reads_weight, strip
from lightexp.stages import (
    Context,
    Fit,
    NetworkSurgery,
    Prune,
    PruneAndRewind,
    PruneGradually,
    PruneIteratively,
    Quantize,
    Recalibrate,
    Reinitialise,
    Rewind,
    RigL,
    Shuffle,
    Sort,
    Stage,
)
from tests.conformance.conftest import configs, made
from tests.normed import bits, copied, from_its_file, normed

STAGES = configs("stage")
MOVING = (NetworkSurgery, RigL, Shuffle)
REGROWING = (*MOVING, PruneGradually)
KNOWN = {Fit, Prune, PruneAndRewind, PruneIteratively, Quantize, Recalibrate, Reinitialise, Rewind, *REGROWING}
"""Stages of which `senseless` knows what they cannot follow; of others any one line is believed."""


def senseless(net: nn.Module, stage: Stage) -> str | None:
    """Why a stage cannot work on this net, if it cannot."""
    found = layers(net).values()
    if isinstance(stage, MOVING) and not all(map(reads_weight, found)):
        return "has shared weights, which cannot grow back"  # the codebook has no value for a pruned weight
    if stage.needs_pruned and all(mask_of(layer).all() for layer in found):
        return "nothing is pruned yet"  # there are no zeros to move
    return None


@functools.cache
def data() -> Splits:
    from sklearn.datasets import load_digits

    digits = load_digits()
    x, y = digits.images.astype("float32"), digits.target
    return split("digits", x[:220], y[:220], x[220:240], y[220:240], validation=0.1)


def context() -> Context:
    def teacher(batch) -> Tensor:
        return nn.functional.one_hot(batch[1], 10) * 5.0

    return Context(data(), seed=1, teacher=teacher, earlier=normed(1), fresh=functools.partial(normed, 2))


@functools.cache
def stage(name: str) -> Stage:
    found = made("stage", name, Path())
    return replace(found, rounds=2) if hasattr(found, "rounds") else found


@functools.cache
def after(name: str) -> nn.Module:
    """The net behind one stage; where that needs pruned weights, behind a cut and the stage; or behind steps to learn."""
    net = normed(0)
    if stage(name).needs_codes:
        Quantize(LSQ(bits=3))(net, context())
    if stage(name).needs_pruned:
        Prune(0.5)(net, context())
    return stage(name)(net, context())


@pytest.mark.parametrize(("first", "second"), list(product(STAGES, STAGES)))
def test_any_stage_behind_any_other(first, second):
    net, then = copied(after(first)), stage(second)
    then.check(normed(0))
    gone = {name: ~mask_of(layer) for name, layer in layers(net).items()}
    why = senseless(net, then)
    try:
        net = then(net, context())
    except ConfigError as error:
        assert "\n" not in str(error)
        assert why or not {type(stage(first)), type(then)} <= KNOWN, error
        assert why is None or why in str(error)
        return
    assert why is None, f"{second} took a net on which {why}"
    if isinstance(then, Sort):  # zeros go where their units go
        assert all(int((~mask_of(layers(net)[name])).sum()) == int(zeros.sum()) for name, zeros in gone.items())
    elif not isinstance(then, REGROWING):
        now = {name: layer.weight for name, layer in layers(net).items()}
        same = [name for name in gone if name in now and now[name].shape == gone[name].shape]  # not replaced and not cut
        assert not any(now[name][gone[name]].any() for name in same)
    assert all(torch.isfinite(layer.weight).all() for layer in layers(net).values())
    assert not any(layer.weight[~mask_of(layer)].any() for layer in layers(net).values())
    again = copied(net)
    assert bits(again.state_dict()) == bits(net.state_dict())
    assert bits(from_its_file(net).state_dict()) == bits(strip(net).state_dict()) == bits(strip(again).state_dict())
