"""Going back to earlier weights or to new ones under the masks of now, and the lottery ticket."""

from functools import partial

import pytest
import torch
from torch import nn

from lightexp.artifact import load
from lightexp.data import Digits, Splits
from lightexp.errors import ConfigError
from lightexp.experiment import Experiment, Store
from lightexp.models import MLP
from lightexp.prune import Magnitude, Random
from lightexp.quantize import KMeans, LayerWeight, Uniform
from lightexp.reparam import latent, mask_of, quantizer_of, set_mask, set_quantizer, spec_of
from lightexp.spec import describe
from lightexp.stages import (
    Chain,
    Context,
    Fit,
    Prune,
    PruneAndRewind,
    PruneIteratively,
    Reinitialise,
    Rewind,
)
from tests.tiny import ADAM

NET = partial(MLP, widths=[12])
FIT = partial(Fit, optimizer=ADAM)


def linear(weight: list[list[float]], bias: list[float]) -> nn.Module:
    net = nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2))
    with torch.no_grad():
        net[0].weight.copy_(torch.tensor(weight))
        net[0].bias.copy_(torch.tensor(bias))
    return net


def context(two_samples: Splits, earlier: nn.Module | None = None, seed: int = 1) -> Context:
    return Context(two_samples, seed, earlier=earlier, fresh=lambda: linear([[9.0, 9.0], [9.0, 9.0]], [9.0, 9.0]))


# Rewinding


@pytest.mark.parametrize("quantizer", [None, KMeans(2), Uniform(4)])
def test_rewinding_by_hand(two_samples, quantizer):
    now, then = linear([[1.0, 2.0], [3.0, 4.0]], [5.0, 6.0]), linear([[-1.0, 0.5], [7.0, 0.25]], [8.0, -8.0])
    set_mask(now[0], torch.tensor([[True, False], [True, True]]))
    set_mask(then[0], torch.tensor([[True, True], [True, False]]))
    then[1].running_mean.fill_(3.0)
    then[1].num_batches_tracked.fill_(7)
    if quantizer:
        code = quantizer.fit({"0": LayerWeight(now[0].weight.detach(), mask_of(now[0]))}, 0, None)["0"]
        set_quantizer(now[0], code)
    model = Rewind("train")(now, context(two_samples, then))
    # The masks of now over the weights of then, of which the last was 0.
    assert model[0].weight.tolist() == [[-1.0, 0.0], [7.0, 0.0]]
    assert mask_of(model[0]).tolist() == [[True, False], [True, True]]
    assert model[0].bias.tolist() == [8.0, -8.0]
    assert (model[1].running_mean.tolist(), int(model[1].num_batches_tracked)) == ([3.0, 3.0], 7)
    assert quantizer_of(model[0]) is None
    assert latent(model[0]).requires_grad


def test_a_layer_without_a_mask_gets_none(two_samples):
    model = Rewind()(linear([[1.0, 2.0], [3.0, 4.0]], [5.0, 6.0]), context(two_samples, linear([[0.0, 1.0]] * 2, [1.0, 1.0])))
    assert spec_of(model) == []


def test_a_net_with_other_layers_cannot_be_taken_back(two_samples):
    with pytest.raises(ConfigError, match=r"other layers than it had at stage train \(0.weight\)"):
        Rewind("train")(
            linear([[1.0, 2.0]] * 2, [0.0, 0.0]), context(two_samples, nn.Sequential(nn.Linear(3, 2), nn.BatchNorm1d(2)))
        )
    with pytest.raises(ConfigError, match=r"at the start \(1.weight\)"):
        Rewind()(linear([[1.0, 2.0]] * 2, [0.0, 0.0]), context(two_samples, nn.Sequential(nn.Linear(2, 2))))


# What a name means

STAGES = {"early": Fit(1), "train": Fit(2), "iterate": PruneIteratively(0.5, rounds=2, tune=Fit(1)), "prune": Prune(0.6)}


@pytest.mark.parametrize(
    ("to", "order", "step"),
    [
        (None, ["early", "back"], 0),
        ("early", ["early", "train", "prune", "back"], 1),
        ("train", ["early", "train", "prune", "back"], 2),
        ("iterate", ["early", "iterate", "prune", "back"], 5),  # early, then 1.prune 1.tune 2.prune 2.tune
        ("train", ["train", "prune", "train", "back"], 3),  # the later of two
        ("train", ["train", "prune", "back", "train"], 1),
    ],
)
def test_a_name_means_the_last_step_of_that_stage_by_then(to, order, step):
    chain = Chain(NET, STAGES | {"back": Rewind(to)}, order=order)
    at = [name for name, _ in chain.steps()].index("back")
    assert [found for found in chain.earlier() if found is not None] == [chain.earlier()[at]] == [step]


@pytest.mark.parametrize(
    ("to", "order", "said"),
    [
        (
            "tran",
            ["early", "train", "back"],
            "stage back rewinds to 'tran', which is no stage before it; there are: early, train",
        ),
        ("train", ["early", "back", "train"], "there are: early .and null, the initial net"),
        ("back", ["back"], "there are: none"),
        ("iterate.1.tune", ["iterate", "back"], "there are: iterate"),
    ],
)
def test_a_name_that_means_no_earlier_stage_is_refused(to, order, said):
    with pytest.raises(ConfigError, match=said):
        Chain(NET, STAGES | {"back": Rewind(to)}, order=order)


def keys(to: str | None, **names: str) -> list[str]:
    stages = {"a": Fit(1), "b": Fit(2), "cut": Prune(0.5), "back": Rewind(to)}
    return Chain(NET, {names.get(name, name): stage for name, stage in stages.items()}).keys()


def test_the_key_of_a_step_that_rewinds_holds_what_it_goes_back_to_and_not_its_name():
    assert len({tuple(keys(to)[:-1]) for to in (None, "a", "b")}) == 1
    assert len({keys(to)[-1] for to in (None, "a", "b", "cut")}) == 4
    assert keys("a") == keys("other", a="other")
    # The same in the description of a teacher.
    teachers = [Chain(NET, {"a": Fit(1), "b": Fit(2), "back": Rewind(to)}) for to in (None, "a", "b")]
    assert len({str(describe(teacher)) for teacher in teachers}) == 3
    renamed = Chain(NET, {"x": Fit(1), "b": Fit(2), "back": Rewind("x")})
    assert describe(renamed) == describe(teachers[1])


def ran(folder, order: list[str], **stages) -> dict[str, torch.Tensor]:
    """The tensors in the file of a chain whose stages lie in the folder's store."""
    stages = {"none": FIT(0), "early": FIT(1), "train": FIT(2), "prune": Prune(0.7)} | stages
    experiment = Experiment(
        Digits(), NET, stages, order, store=Store(folder / "store"), directory=folder / "run", control=False
    )
    experiment.run()
    return load(folder / "run" / "model.lxp").state_dict()


@pytest.mark.parametrize(("to", "like"), [(None, "none"), ("early", "early")])
def test_a_run_takes_the_weights_of_then_and_the_zeros_of_now(tmp_path, to, like):
    earlier = ran(tmp_path, [like])
    cut = ran(tmp_path, ["early", "train", "prune"])
    back = ran(tmp_path, ["early", "train", "prune", "back"], back=Rewind(to))
    for name, tensor in back.items():
        assert torch.equal(tensor, torch.where(cut[name] == 0, 0, earlier[name]))
    assert not torch.equal(back["layers.0.weight"], cut["layers.0.weight"])


# Lottery tickets, and rounds without tuning


def test_the_rounds_of_a_lottery_ticket_by_hand():
    stage = PruneAndRewind(0.75, Random(), rounds=2, tune=Fit(3), to="early", batches=4)
    assert stage.parts() == [
        ("1.prune", Prune(0.5, Random(), batches=4)),  # 1 − 0.25^(1/2)
        ("1.rewind", Rewind("early")),
        ("1.tune", Fit(3)),
        ("2.prune", Prune(0.75, Random(), batches=4)),
        ("2.rewind", Rewind("early")),
        ("2.tune", Fit(3)),
    ]


def test_a_ticket_goes_back_to_a_stage_of_its_chain():
    stages = {"early": Fit(1), "train": Fit(2), "ticket": PruneAndRewind(0.75, rounds=2, to="early")}
    assert Chain(NET, stages).earlier() == [None, None, None, 1, None, None, 1, None]
    with pytest.raises(ConfigError, match="stage ticket.1.rewind rewinds to 'early'.*there are: train"):
        Chain(NET, stages, order=["train", "ticket"])


def test_without_epochs_of_tuning_there_are_cuts_alone():
    parts = PruneIteratively(0.875, Magnitude(), rounds=3, tune=Fit(0)).parts()
    assert [(name, stage.sparsity) for name, stage in parts] == [
        ("1.prune", pytest.approx(0.5)),
        ("2.prune", pytest.approx(0.75)),
        ("3.prune", 0.875),
    ]


# New weights


def test_reinitialising_draws_all_weights_anew_and_keeps_the_masks(tmp_path):
    cut = ran(tmp_path, ["early", "prune"])
    stages = {"new": Reinitialise(), "again": Reinitialise()}
    one = ran(tmp_path, ["early", "prune", "new"], **stages)
    other = ran(tmp_path, ["early", "prune", "new", "again"], **stages)
    start = ran(tmp_path, ["none"])
    for name in ("layers.0.weight", "layers.1.weight"):
        kept = cut[name] != 0
        assert torch.equal(one[name] != 0, kept)
        assert torch.equal(other[name] != 0, kept)
        # The initialiser of a linear layer is U(−1/√n, 1/√n), n its inputs.
        bound = kept.shape[1] ** -0.5
        assert one[name].abs().max() <= bound
        assert one[name][kept].abs().mean() == pytest.approx(bound / 2, rel=0.2)
        for before in (start, cut, other):
            assert not (one[name][kept] == before[name][kept]).any()
    assert not (one["layers.0.bias"] == start["layers.0.bias"]).any()
