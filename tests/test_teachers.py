"""Several teachers: their weights by hand, and one run that trains each of them once."""

from functools import partial
from math import exp

import pytest
import torch
from torch import nn

from lightexp.data import Digits
from lightexp.distill import Confidence, Equal, Panel, SimilarityPreserving, SoftLogits, Teacher
from lightexp.errors import ConfigError
from lightexp.experiment import Experiment, Observer, Store
from lightexp.models import MLP
from lightexp.spec import describe
from lightexp.stages import Chain, Ensemble, Fit

LOGITS = torch.tensor([[[0.0, 0.0], [2.0, 0.0]], [[0.0, 0.0], [0.0, 2.0]]])
LABELS = torch.tensor([0, 1])
NET = partial(MLP, widths=[8])
ONE, OTHER = (Chain(NET, {"fit": Fit(1)}, seed=seed) for seed in (0, 1))


def test_confidence_by_hand():
    # Both know as little of the first sample. Of the second the first teacher is wrong: exp(CE) = 1 + e², the other's 1 + e⁻².
    share = (1 + exp(2)) / (2 + exp(2) + exp(-2))
    expected = torch.tensor([[0.5, 1 - share], [0.5, share]])
    torch.testing.assert_close(Confidence()(LOGITS, LABELS), expected)


def test_weights_add_to_one():
    torch.manual_seed(0)
    for count in (1, 2, 5):
        logits, labels = 10 * torch.randn(count, 6, 3), torch.arange(6) % 3
        for weighting in (Equal(), Confidence()):
            weights = weighting(logits, labels)
            assert weights.shape == (count, 6)
            assert (weights >= 0).all()
            torch.testing.assert_close(weights.sum(0), torch.ones(6))


def test_a_panel_gives_the_mean_without_a_gradient():
    nets = [nn.Linear(3, 2) for _ in range(3)]
    batch = torch.randn(4, 3), torch.zeros(4, dtype=torch.int64)
    panel = Panel([Teacher(net) for net in nets], Equal())
    torch.testing.assert_close(panel(batch), sum(net(batch[0]) for net in nets).detach() / 3)
    assert not panel(batch).requires_grad


def test_the_names_of_teachers_play_no_part_and_all_else_does():
    key = describe(Ensemble({"a": ONE, "b": OTHER}))
    assert key == describe(Ensemble({"c": ONE, "d": OTHER}))
    assert key != describe(Ensemble({"a": ONE, "b": ONE}))
    assert key != describe(Ensemble({"a": ONE, "b": OTHER}, Confidence()))
    with pytest.raises(ConfigError, match="no teachers"):
        Ensemble({})


class Noting(Observer):
    """Which stages were computed, by chain."""

    def __init__(self) -> None:
        self.computed: list[str] = []

    def stage(self, chain, row, curve) -> None:
        if not row["reused"]:
            self.computed.append(chain)


def experiment(folder, loss, seed: int = 0) -> tuple[Experiment, Noting]:
    noting = Noting()
    stages = {"train": Fit(1, loss=loss, teacher=Ensemble({"one": ONE, "other": OTHER}, Confidence()))}
    made = Experiment(
        Digits(),
        NET,
        stages,
        seed=seed,
        control=False,
        store=Store(folder / "store"),
        directory=folder / str(seed),
        observers=[noting],
    )
    return made, noting


def test_each_teacher_is_trained_once_for_all_runs(tmp_path):
    for seed, expected in ((0, ["teacher one", "teacher other", "student"]), (1, ["student"])):
        made, noting = experiment(tmp_path, SoftLogits(), seed)
        made.run()
        assert noting.computed == expected


def test_several_teachers_have_no_layers_to_compare(tmp_path):
    made, noting = experiment(tmp_path, SimilarityPreserving(["layers.0"], ["layers.0"]))
    with pytest.raises(ConfigError, match="several teachers have no layers in common"):
        made.run()
    assert not noting.computed
