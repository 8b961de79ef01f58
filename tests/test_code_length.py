"""Survivors that share rows and columns, since those are the cheap ones."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from lightexp.artifact import Range
from lightexp.artifact.alphabet import Steps
from lightexp.artifact.layer import Layer
from lightexp.prune import LAMP, CodeLength
from lightexp.prune.code_length import chances


def test_the_chance_of_a_place_by_hand():
    # Rows hold 2 and 0 survivors, columns 1, 1, 0; half a mean more each: rows 2.5 and 0.5, columns 4/3, 4/3, 1/3; 2 · 1.5² = 4.5.
    found = chances(torch.tensor([[True, True, False], [False, False, False]]))
    assert found.tolist() == [pytest.approx([1 / 1.35, 1 / 1.35, 1 / 5.4]), pytest.approx([1 / 6.75, 1 / 6.75, 1 / 27])]
    assert chances(torch.zeros(2, 3, dtype=torch.bool)).sum() < 1  # of an empty layer: something, and no division by 0


def test_the_same_weight_survives_where_others_do():
    # A row of five large weights, and two equal small ones: one beside them, one in a row of its own.
    scores = torch.zeros(8, 8)
    scores[0, :5] = 10
    scores[0, 5] = scores[7, 7] = 1
    kept = CodeLength()({"layer": scores}, 1 - 6 / 64)["layer"]
    assert kept.nonzero().tolist() == [[0, at] for at in range(6)]
    assert int(kept.sum()) == 6


@settings(max_examples=25)
@given(st.integers(0, 2**16), st.floats(0.5, 0.98))
def test_the_count_is_exact_and_the_places_cost_less(seed, sparsity):
    torch.manual_seed(seed)
    # Rows and columns of differing weight, as in a trained net.
    scale = torch.rand(30, 1) * torch.rand(1, 40)
    scores = {"first": (torch.randn(30, 40) * scale).abs(), "last": torch.randn(5, 30).abs()}
    lamp, ours = LAMP()(scores, sparsity), CodeLength()(scores, sparsity)
    total = sum(mask.numel() for mask in ours.values())
    assert sum(int(mask.sum()) for mask in ours.values()) == total - round(sparsity * total)
    assert bits(ours) <= bits(lamp) + 8


def bits(masks: dict[str, torch.Tensor]) -> float:
    """What the positions of the masks take under the model that writes files."""
    coded = [
        (Layer(name, tuple(mask.shape), "steps", 2, 0, int(mask.sum()), Steps(1)), mask.numpy().astype("int32"))
        for name, mask in masks.items()
    ]
    return sum(positions for positions, _ in Range().ideal_bits(coded))


def test_what_is_gone_stays_gone():
    scores = torch.rand(6, 6)
    scores[2:] = -torch.inf
    assert not CodeLength()({"layer": scores}, 0.8)["layer"][2:].any()
