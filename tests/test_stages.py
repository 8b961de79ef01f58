"""Stages and chains: exact sparsities, the cubic by hand, and keys that change with whatever could change a result."""

from dataclasses import fields, replace
from functools import partial
from itertools import pairwise

import numpy as np
import pytest
import torch
from pydantic import ValidationError
from torch import nn

from lightexp.data import Splits, Without, split
from lightexp.distill import CrossEntropy, SoftLogits
from lightexp.errors import ConfigError
from lightexp.models import MLP, LeNet5
from lightexp.prune import LAMP, Global, Gradient, Magnitude, Random, Threshold, Uniform
from lightexp.quantize import KMeans
from lightexp.quantize import Uniform as UniformQuantizer
from lightexp.reparam import codes_of, latent, layers, mask_module, mask_of
from lightexp.spec import describe
from lightexp.stages import Chain, Context, Fit, Prune, PruneGradually, PruneIteratively, Quantize, RigL, Shorten, Stage
from lightexp.train import Constant

NET = partial(MLP, widths=[12])
TEACHER = Chain(NET, {"fit": Fit(3)})


@pytest.fixture(scope="module")
def data() -> Splits:
    """120 samples that train, 30 that validate."""
    x, y = np.random.default_rng(0).normal(size=(150, 8)).astype(np.float32), np.arange(150) % 3
    return split("made", x, y, x[:30], y[:30], validation=0.2)


def net() -> nn.Module:
    torch.manual_seed(0)
    return MLP((8,), 3, [12])  # 8 · 12 + 12 · 3 = 132 prunable weights


def kept(model: nn.Module) -> list[int]:
    return [int(layer.weight.count_nonzero()) for layer in layers(model).values()]


class Watching(CrossEntropy):
    """Looks at the net in every step."""

    def __init__(self, look) -> None:
        super().__init__()
        object.__setattr__(self, "look", look)

    def __call__(self, batch, student, teacher):
        self.look(student)
        return super().__call__(batch, student, teacher)


# Gradual pruning


@pytest.mark.parametrize("allocation", [Global(), LAMP(), Uniform()])
@pytest.mark.parametrize(
    ("epochs", "batch_size", "begin", "end", "every"),
    [
        (3, 20, 0.0, 0.7, 4),
        (3, 20, 0.2, 1.0, 5),
        (2, 60, 0.5, 0.6, 1),  # 4 steps: both shares fall on step 2
        (1, 120, 0.0, 0.7, 20),  # a single step
        (1, 120, 0.0, 1.0, 20),
        (2, 20, 0.9, 0.95, 20),
    ],
)
def test_gradual_pruning_ends_at_the_very_sparsity(data, allocation, epochs, batch_size, begin, end, every):
    model = net()
    stage = PruneGradually(0.9, allocation=allocation, fit=Fit(epochs, batch_size), begin=begin, end=end, every=every)
    stage(model, Context(data, seed=1))
    # 132 − round(118.8) = 13; each alone: 96 − round(86.4) = 10 and 36 − round(32.4) = 4.
    assert kept(model) == [10, 4] if isinstance(allocation, Uniform) else sum(kept(model)) == 13
    assert not any(mask_module(layer).open for layer in layers(model).values())


def test_gradual_pruning_follows_the_cubic_by_hand(data):
    seen: list[int] = []
    loss = Watching(lambda model: seen.append(132 - sum(kept(model))))
    fit = Fit(2, 20, loss, partial(torch.optim.SGD, lr=0.01), Constant())
    PruneGradually(0.8, fit=fit, begin=0.0, end=0.5, every=2)(net(), Context(data, seed=1))
    # 12 steps, the end at step 6, cuts at 0, 2, 4 and 6: 0.8·(1 − (1 − t/6)³) = 0, 0.56296, 0.77037, 0.8 of 132 weights.
    assert seen == [0, 0, 74, 74, 102, 102] + [106] * 6


def test_gradual_pruning_begins_where_the_net_stands(data):
    model, seen = net(), []
    Prune(0.5)(model, Context(data, seed=1))
    fit = Fit(1, 60, Watching(lambda model: seen.append(132 - sum(kept(model)))))
    PruneGradually(0.8, fit=fit, begin=0.0, end=1.0, every=1)(model, Context(data, seed=1))
    # Two steps: at t = 0 half of the weights, at t = 1 the share 0.8 − 0.3·(1/2)³ = 0.7625, and 0.8 at the end.
    assert seen + [132 - sum(kept(model))] == [66, round(0.7625 * 132), round(0.8 * 132)]


def test_a_weight_that_was_cut_too_early_returns_and_none_after_the_end(data):
    masks: list[torch.Tensor] = []
    loss = Watching(lambda model: masks.append(mask_of(model.layers[0]).clone()))
    fit = Fit(5, 20, loss, partial(torch.optim.Adam, lr=0.1), Constant())
    PruneGradually(0.7, fit=fit, begin=0.0, end=0.5, every=1)(net(), Context(data, seed=1))
    returned = [bool((after & ~before).any()) for before, after in pairwise(masks)]
    assert any(returned[:15])
    assert not any(returned[15:])


def test_gradual_pruning_of_shared_weights_revives_none_and_trains_their_centroids_by_the_rest_alone(data):
    model, opened = net(), []
    fit = Fit(2, 20, Watching(lambda model: opened.extend(mask_module(layer).open for layer in layers(model).values())))
    for stage in (Prune(0.5), Quantize(KMeans(3)), PruneGradually(0.75, fit=fit, every=2)):
        before = [mask_of(layer).clone() for layer in layers(model).values()]
        stage(model, Context(data, seed=1))
        for old, layer in zip(before, layers(model).values(), strict=True):
            assert not (mask_of(layer) & ~old).any()
    assert sum(kept(model)) == 132 - 99
    assert opened and not any(opened)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"sparsity": None, "allocation": Threshold()}, "needs a sparsity to go to"),
        ({"begin": 0.7, "end": 0.7}, "begin must be smaller"),
        ({"fit": Fit(0)}, "at least 1 epoch"),
    ],
)
def test_gradual_pruning_that_cannot_be_is_refused(options, says):
    with pytest.raises(ConfigError, match=says):
        PruneGradually(**options)


# Iterative pruning, quantizing


def test_the_densities_of_iterative_pruning_by_hand():
    parts = PruneIteratively(0.875, Magnitude(), LAMP(), rounds=3, tune=Fit(4)).parts()
    assert [name for name, _ in parts] == ["1.prune", "1.tune", "2.prune", "2.tune", "3.prune", "3.tune"]
    cuts = [stage for _, stage in parts[::2]]
    # 0.125^(1/3) = 0.5, 0.125^(2/3) = 0.25, and the very sparsity that was asked for at the end.
    assert [cut.sparsity for cut in cuts[:2]] == pytest.approx([0.5, 0.75])
    assert cuts[2].sparsity == 0.875
    assert PruneIteratively(0.3, rounds=1).parts()[0][1].sparsity == 0.3 != 1 - (1 - 0.3)
    assert all((cut.criterion, cut.allocation) == (Magnitude(), LAMP()) for cut in cuts)
    assert [stage for _, stage in parts[1::2]] == [Fit(4)] * 3


def test_a_stage_of_stages_runs_them_in_turn(data):
    model, context = net(), Context(data, seed=1)
    PruneIteratively(0.75, rounds=2, tune=Fit(2))(model, context)
    assert sum(kept(model)) == 33
    assert [epoch.number for epoch in context.curve] == [1, 2, 1, 2]


def test_quantizing_gives_every_layer_its_codes_and_keeps_the_masks(data):
    model = net()
    Prune(0.5)(model, Context(data, seed=1))
    before = kept(model)
    Quantize(KMeans(4))(model, Context(data, seed=1))
    assert kept(model) == before
    assert [len(codes_of(layer).table) for layer in layers(model).values()] == [4, 4]


@pytest.mark.parametrize("stage", [Prune(0.5, Random()), Prune(0.5, Gradient(), batches=1), Quantize(KMeans(9, "random"))])
def test_a_stage_is_a_function_of_net_and_seed(data, stage):
    nets = [stage(net(), Context(data, seed)) for seed in (1, 1, 2)]
    one, again, other = (torch.cat([layer.weight.reshape(-1) for layer in layers(model).values()]) for model in nets)
    assert torch.equal(one, again)
    assert isinstance(getattr(stage, "criterion", None), Gradient) or not torch.equal(one, other)


def test_a_new_fit_trains_parameters_that_are_new(data):
    model = net()
    Quantize(KMeans(3))(model, Context(data, seed=1))
    tables = [codes_of(layer).table.clone() for layer in layers(model).values()]
    frozen = [latent(layer).clone() for layer in layers(model).values()]
    Fit(1)(model, Context(data, seed=1))
    assert all((codes_of(layer).table != table).all() for layer, table in zip(layers(model).values(), tables, strict=True))
    assert all(torch.equal(latent(layer), before) for layer, before in zip(layers(model).values(), frozen, strict=True))


# Chains

CHANGES: list[tuple[Stage, dict]] = [
    (
        Fit(loss=SoftLogits(), teacher=TEACHER),
        {
            "epochs": 21,
            "batch_size": 65,
            "loss": SoftLogits(alpha=0.8),
            "optimizer": partial(torch.optim.Adam, lr=2e-3),
            "rate": Constant(),
            "patience": 5,
            "teacher": replace(TEACHER, seed=1),
            "training_set": Without([0]),
            "precision": "bfloat16",
            "accumulate": 2,
            "clip": 1.0,
            "average": 0.99,
        },
    ),
    (Prune(), {"sparsity": 0.8, "criterion": Gradient(), "allocation": LAMP(), "batches": 21}),
    (
        PruneGradually(),
        {
            "sparsity": 0.8,
            "criterion": Gradient(),
            "allocation": LAMP(),
            "batches": 21,
            "fit": Fit(21),
            "begin": 0.1,
            "end": 0.8,
            "every": 21,
        },
    ),
    (
        PruneIteratively(),
        {
            "sparsity": 0.8,
            "criterion": Gradient(),
            "allocation": LAMP(),
            "batches": 21,
            "rounds": 4,
            "tune": Fit(21),
        },
    ),
    (Quantize(), {"quantizer": UniformQuantizer(7), "batches": 21, "skip": ["0"]}),
]


def last(*stages: Stage, **options) -> str:
    chain = Chain(**{"model": NET, "stages": {str(at): stage for at, stage in enumerate(stages)}} | options)
    return chain.keys("data")[-1]


@pytest.mark.parametrize(("stage", "changes"), CHANGES, ids=lambda value: type(value).__name__)
def test_the_key_changes_with_every_field_of_a_stage(stage, changes):
    assert set(changes) == {field.name for field in fields(stage)}
    keys = [last(stage), *(last(replace(stage, **{name: value})) for name, value in changes.items())]
    assert len(set(keys)) == len(keys)
    assert last(replace(stage)) == keys[0]


def test_the_key_changes_with_the_net_the_seed_the_origin_and_what_comes_before():
    keys = [
        last(Prune()),
        last(Prune(), model=partial(MLP, widths=[13])),
        last(Prune(), model=LeNet5),
        last(Prune(), seed=1),
        last(Prune(), Prune()),
        last(Fit(), Prune()),
        last(Prune(), Fit()),
        Chain(NET, {"prune": Prune()}).keys("other data")[-1],
    ]
    assert len(set(keys)) == len(keys)


def test_names_and_what_does_not_run_play_no_part():
    stages = {"train": Fit(2), "prune": Prune(), "tune": Fit(3)}
    chain = Chain(NET, stages)
    assert Chain(NET, dict(zip("abc", stages.values(), strict=True))).keys() == chain.keys()
    assert Chain(NET, stages | {"more": Fit(9)}, order=["train", "prune", "tune"]).keys() == chain.keys()
    assert Chain(NET, stages, order=["tune", "prune", "train"]).keys() != chain.keys()
    # What begins alike is shared: the initial net, the training and the cut.
    other = Chain(NET, stages | {"tune": Fit(4)}).keys()
    assert other[:3] == chain.keys()[:3]
    assert other[3] != chain.keys()[3]
    assert Prune(0).sparsity == 0.0
    assert last(Prune(0)) == last(Prune(0.0))


def test_a_teacher_that_is_not_asked_is_not_part_of_the_key():
    assert Fit(loss=CrossEntropy(), teacher=TEACHER).teacher is None
    assert last(Fit(teacher=TEACHER)) == last(Fit())
    assert PruneGradually(fit=Fit(teacher=TEACHER)).teacher is None
    asked = Fit(loss=SoftLogits(), teacher=TEACHER)
    assert PruneGradually(fit=asked).teacher is asked.teacher is TEACHER
    with pytest.raises(ConfigError, match="SoftLogits needs a teacher"):
        Fit(loss=SoftLogits())


def test_the_control_trains_as_long_and_is_never_compressed():
    train = Fit(20, optimizer=partial(torch.optim.SGD, lr=0.1))
    stages = {
        "cut": Prune(),
        "train": train,
        "gradual": PruneGradually(fit=Fit(30)),
        "often": PruneIteratively(rounds=5, tune=Fit(4)),
    }
    chain = Chain(NET, stages | {"unused": Fit(99)}, order=list(stages), seed=3)
    control = chain.control()
    assert control.steps() == [("fit", replace(train, epochs=20 + 30 + 5 * 4))]
    assert (control.model, control.seed) == (NET, 3)
    assert Chain(NET, {"prune": Prune()}).control() is None
    # A chain that only trains is its own control, so the store has it already.
    assert Chain(NET, {"train": train}).control().keys() == Chain(NET, {"train": train}).keys()


def test_the_steps_of_a_stage_of_stages_are_named_after_it():
    chain = Chain(NET, {"train": Fit(), "prune": PruneIteratively(rounds=1)})
    assert [name for name, _ in chain.steps()] == ["train", "prune.1.prune", "prune.1.tune"]


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (
            lambda: Chain(NET, {"train": Fit()}, order=["tran"]),
            "order names the stage 'tran', which is not defined; there are: train",
        ),
        (lambda: Chain(NET, {"train": Magnitude()}), "stages.train is no stage: it is a Magnitude"),
        (
            lambda: Fit(optimizer=partial(torch.optim.SGD, momentun=0.9)).check(net()),
            "its optimizer cannot be made: .*momentun",
        ),
        (
            lambda: Fit(optimizer=partial(torch.optim.SGD, lr=-1)).check(net()),
            "its optimizer cannot be made: Invalid learning rate",
        ),
        (
            lambda: Chain(lambda: 0, {"a": Fit(optimizer=partial(torch.optim.SGD, lr=net()))}).keys(),
            "cannot be part of a run's key",
        ),
        (lambda: Chain(NET, {"a": Fit(optimizer=lambda p: torch.optim.SGD(p))}).keys(), "a lambda has no name"),
        (lambda: Chain(closed_over(3)).keys(), "takes from around it is not seen"),
        (lambda: Chain(NET, {"a": Prune(), "b": Quantize(KMeans()), "c": RigL()}), "stage c: stage b has shared the weights by then"),
        (lambda: Chain(NET, {"a": Quantize(KMeans()), "b": Shorten()}), "stage b: stage a has shared the weights by then"),
        (lambda: Quantize(KMeans(), skip=("layers.0", "layers.1")).check(net()), "nothing to quantize"),
    ],
)
def test_a_chain_that_cannot_run_says_why(make, says):
    with pytest.raises(ConfigError, match=says):
        make()


def closed_over(width):
    def made(input_shape, classes):
        return nn.Linear(width, classes)

    return made


class Bound:
    def make(self, input_shape, classes): ...


def test_what_a_name_leaves_open_is_part_of_the_key():
    def first(p, lr=0.1): ...

    def second(p, lr=0.2): ...

    assert describe(first)["first="] != describe(second)["second="]
    with pytest.raises(ConfigError, match="Bound cannot be part"):
        describe(Bound().make)


@pytest.mark.parametrize("make", [lambda: Fit(-1), lambda: Fit(batch_size=0), lambda: Fit(patience=0), lambda: Fit(epoch=3)])
def test_impossible_options_are_refused(make):
    with pytest.raises(ValidationError):
        make()
