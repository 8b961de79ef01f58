"""Cuts in small steps: where they end, and what one large cut would have done otherwise."""

import pytest
import torch
from torch import nn

from lightexp.errors import ConfigError
from lightexp.prune import Global, SynFlow, Threshold
from lightexp.reparam import layers, mask_of
from lightexp.stages import Context, Prune, PruneStepwise


def net() -> nn.Sequential:
    """Two paths: strong by (3, 0.1) and weak by (1, 1), so the flows of all four weights are 0.3, 0.3, 1, 1."""
    model = nn.Sequential(nn.Linear(2, 2, bias=False), nn.Linear(2, 2, bias=False))
    model[0].weight.data = torch.tensor([[3.0, 0.0], [0.0, 1.0]])
    model[1].weight.data = torch.tensor([[0.1, 0.0], [0.0, 1.0]])
    return model


def kept(model: nn.Module) -> list[list[list[int]]]:
    return [mask_of(layer).int().tolist() for layer in layers(model).values()]


def test_the_last_cut_leaves_what_was_asked_for(two_samples):
    model = PruneStepwise(0.5, SynFlow(), Global(), cuts=4)(net(), Context(two_samples, seed=0))
    assert kept(model) == [[[1, 0], [0, 1]], [[1, 0], [0, 1]]]


def test_the_weaker_path_goes_as_a_whole(two_samples):
    model = PruneStepwise(0.75, SynFlow(), Global(), cuts=8)(net(), Context(two_samples, seed=0))
    assert kept(model) == [[[0, 0], [0, 1]], [[0, 0], [0, 1]]]


def test_one_step_is_one_cut(two_samples):
    context = Context(two_samples, seed=0)
    assert kept(PruneStepwise(0.75, cuts=1)(net(), context)) == kept(Prune(0.75)(net(), context))


def test_it_needs_somewhere_to_go():
    with pytest.raises(ConfigError, match="stepwise pruning needs a sparsity"):
        PruneStepwise(None, allocation=Threshold())
