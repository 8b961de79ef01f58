"""Zeros that change their places: shuffled, dropped and grown, cut and spliced."""

import math
from dataclasses import fields, replace
from functools import partial
from itertools import pairwise

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn

from lightexp.data import Digits, Splits
from lightexp.distill import CrossEntropy
from lightexp.errors import ConfigError
from lightexp.models import MLP
from lightexp.prune import ERK, Random
from lightexp.quantize import KMeans
from lightexp.reparam import latent, layers, mask_module, mask_of, set_mask
from lightexp.stages import Chain, Context, Fit, NetworkSurgery, Prune, PruneIteratively, Quantize, RigL, Shuffle
from lightexp.stages.rigl import exchange
from tests.normed import normed

NET = partial(MLP, widths=[12])
STILL = partial(torch.optim.SGD, lr=1e-12)


@pytest.fixture(scope="module")
def digits() -> Splits:
    """1,294 samples that train: 13 steps an epoch of batches of 100."""
    return Digits().load()


class Watching(CrossEntropy):
    """Keeps a copy of something of the net in every step."""

    def __init__(self, look) -> None:
        super().__init__()
        object.__setattr__(self, "look", look)
        object.__setattr__(self, "seen", [])

    def __call__(self, batch, student, teacher):
        self.seen.append(self.look(student))
        return super().__call__(batch, student, teacher)


def masks(model: nn.Module) -> list[Tensor]:
    return [mask_of(layer).clone() for layer in layers(model).values()]


def linear(weight: list[list[float]], mask: list[list[int]] | None = None) -> nn.Module:
    net = nn.Sequential(nn.Linear(len(weight[0]), len(weight), bias=False))
    with torch.no_grad():
        net[0].weight.copy_(torch.tensor(weight))
    if mask:
        set_mask(net[0], torch.tensor(mask).bool())
    return net


# Shuffling


def test_shuffling_moves_the_zeros_of_each_layer_and_no_weight(digits):
    model = normed(0)
    Prune(0.8)(model, Context(digits, seed=1))
    masks = {name: mask_of(layer).clone() for name, layer in layers(model).items()}
    weights = {name: latent(layer).clone() for name, layer in layers(model).items()}
    Shuffle()(model, Context(digits, seed=1))
    for name, layer in layers(model).items():
        assert int(mask_of(layer).sum()) == int(masks[name].sum()) == int(layer.weight.count_nonzero())
        assert not torch.equal(mask_of(layer), masks[name])
        assert torch.equal(latent(layer), weights[name])
        # What is kept is as rare among the kept as anywhere: 0.2 of 0.2.
        assert (mask_of(layer) & masks[name]).sum() < 0.6 * masks[name].sum()


def test_shuffling_is_a_function_of_the_seed(two_samples):
    found = []
    for seed in range(40):
        model = linear([[1.0, 2.0], [3.0, 4.0]], [[0, 1], [1, 1]])
        Shuffle()(model, Context(two_samples, seed))
        found.append(tuple(mask_of(model[0]).flatten().tolist()))
    assert len(set(found)) == 4  # the one zero reaches every place


# Dropping and growing (RigL)


def test_an_exchange_by_hand():
    net = linear([[0.1, -0.2, 3.0, 4.0], [9.0, 9.0, 9.0, 9.0]], [[1, 1, 1, 1], [0, 0, 0, 0]])
    gradient = torch.tensor([[0.0, -5.0, 9.0, 9.0], [1.0, -7.0, 2.0, 3.0]])
    exchange(net[0], gradient, 0.6)  # ⌊0.6 · 4⌋ = 2 go, 0.1 and −0.2; the largest |g| of what is then zero are −7 and −5
    assert mask_of(net[0]).int().tolist() == [[0, 1, 1, 1], [0, 1, 0, 0]]
    # What was dropped and grown at once stands as it stood; the new one begins at 0.
    assert net[0].weight.tolist() == [[0.0, pytest.approx(-0.2), 3.0, 4.0], [0.0, 0.0, 0.0, 0.0]]
    assert latent(net[0])[1].tolist() == [9.0, 0.0, 9.0, 9.0]


@given(st.integers(0, 2**31), st.floats(0, 1), st.floats(0.001, 1))
def test_an_exchange_keeps_the_number_of_weights_and_the_largest(seed, density, fraction):
    random = torch.Generator().manual_seed(seed)
    weight, gradient = torch.randn(7, 5, generator=random), torch.randn(7, 5, generator=random)
    before = torch.rand(7, 5, generator=random) < density
    net = linear(weight.tolist(), before.int().tolist())
    exchange(net[0], gradient, fraction)
    after, alive = mask_of(net[0]), int(before.sum())
    assert int(after.sum()) == alive
    stay = alive - int(fraction * alive)
    assert after[before & (weight.abs() >= weight.abs()[before].topk(stay).values.min())].all() if stay else True
    assert not net[0].weight[after & ~before].any()
    if (grown := after & ~before).any() and (left := ~after & ~before).any():
        assert gradient[grown].abs().min() >= gradient[left].abs().max()


def test_weights_grow_where_the_dense_gradient_of_the_training_data_is_largest(two_samples):
    # All at 0, so the gradients are those of test_gradients_of_batches_are_averaged_in_three_ways: 1 and 0.5 in each row.
    net = linear([[0.0, 0.0], [0.0, 0.0]], [[0, 1], [0, 1]])
    RigL(Fit(1, 2, optimizer=STILL), fraction=1)(net, Context(two_samples, seed=1))
    assert mask_of(net[0]).int().tolist() == [[1, 0], [1, 0]]


def test_rigl_changes_what_the_cosine_says_and_never_how_many(digits):
    net = NET((1, 8, 8), 10)
    Prune(0.9, Random(), ERK())(net, Context(digits, seed=1))
    start = masks(net)
    watching = Watching(masks)
    # 26 steps, the end at step 13: changes ahead of 0, 4, 8 and 12.
    RigL(Fit(2, 100, watching), every=4, end=0.5, fraction=0.5)(net, Context(digits, seed=1))
    assert len(watching.seen) == 26
    for step, (before, after) in enumerate(pairwise([start, *watching.seen])):
        share = 0.25 * (1 + math.cos(math.pi * step / 13))
        for old, new in zip(before, after, strict=True):
            assert int(new.sum()) == int(old.sum())
            changed = int((new & ~old).sum())
            assert changed <= int(share * int(old.sum())) if step in (0, 4, 8, 12) else changed == 0
    moved = [
        any(not torch.equal(*pair) for pair in zip(watching.seen[at - 1], watching.seen[at], strict=True)) for at in (4, 8)
    ]
    assert all(moved)
    assert all(map(torch.equal, masks(net), watching.seen[-1]))


# Cutting and splicing (network surgery)


def test_surgery_by_hand():
    # |w| that are not pruned: 1, 3, 1, 3: μ = 2, σ = 1, so a = 2 and b = 4 at c = 1 and a margin of a third.
    net = linear([[1.0, -3.0, -1.0, 3.0, 50.0]], [[1, 1, 1, 1, 0]])
    stage = NetworkSurgery(margin=1 / 3)
    level = stage.level(net[0])
    assert level == pytest.approx(3)
    with torch.no_grad():
        latent(net[0]).copy_(torch.tensor([[1.9, -2.1, -3.9, 4.1, 3.9]]))
    set_mask(net[0], torch.tensor([[True, True, False, False, False]]))
    stage.operate(net[0], level)
    assert mask_of(net[0]).int().tolist() == [[0, 1, 0, 1, 0]]
    assert stage.level(linear([[1.0, 2.0]], [[0, 0]])[0]) == 0


def test_the_probability_of_surgery_falls_with_the_steps(two_samples):
    done: list[int] = []

    class Counting(NetworkSurgery):
        def operate(self, module, level):
            done.append(1)

    def count(decay: float) -> int:
        done.clear()
        net = linear([[1.0, 2.0]])
        change = Counting(decay=decay).changing(net, Context(two_samples, seed=3))
        for step in range(1000):
            change(net, step, 0.0)
        return len(done)

    assert count(0.0) == 1000
    # Σ 1 / (1 + t/100) over 1000 steps is 100·ln 11 = 240; the deviation of the count is below √240 = 15.5.
    assert abs(count(0.01) - 240) < 4 * 15.5
    assert count(0.01) == count(0.01)
    assert count(1e12) == 1  # the first step's is certain


def test_what_was_cut_returns_until_the_end_and_not_after_it(digits):
    net = NET((1, 8, 8), 10)
    watching = Watching(lambda model: (masks(model)[0], mask_module(model.layers[0]).open))
    fit = Fit(4, 100, watching, partial(torch.optim.Adam, lr=0.02))
    NetworkSurgery(fit, end=0.5, c=0.5)(net, Context(digits, seed=1))
    found, opened = zip(*watching.seen, strict=True)
    returned = [bool((after & ~before).any()) for before, after in pairwise(found)]
    assert any(returned[:25])
    assert all(torch.equal(mask, found[26]) for mask in (*found[26:], masks(net)[0]))
    assert opened == (True,) * 26 + (False,) * 26
    assert 0.1 < masks(net)[0].float().mean() < 0.9


@pytest.mark.parametrize("end", [0.01, 0.5, 1.0])
def test_no_mask_is_left_open(digits, end):
    net = NET((1, 8, 8), 10)
    NetworkSurgery(Fit(1, 400), end=end)(net, Context(digits, seed=1))
    assert not any(mask_module(layer).open for layer in layers(net).values())


# What is refused, and keys


@pytest.mark.parametrize("stage", [Shuffle(), RigL(), NetworkSurgery()])
def test_zeros_do_not_move_among_shared_weights(two_samples, stage):
    net = linear([[1.0, 2.0], [3.0, 4.0]], [[0, 1], [1, 1]])
    Quantize(KMeans(1))(net, Context(two_samples, seed=1))
    with pytest.raises(
        ConfigError, match="layer 0 has shared weights, which cannot grow back: put this stage before the sharing"
    ):
        stage(net, Context(two_samples, seed=1))


@pytest.mark.parametrize("stage", [Shuffle(), RigL()])
def test_where_nothing_is_pruned_there_is_nothing_to_move(two_samples, stage):
    with pytest.raises(ConfigError, match="nothing is pruned yet: put a stage that prunes before it"):
        stage(linear([[1.0, 2.0], [3.0, 4.0]]), Context(two_samples, seed=1))
    with pytest.raises(ConfigError, match="stage move: nothing is pruned by then; put a stage that prunes before it"):
        Chain(NET, {"train": Fit(1), "move": stage, "prune": Prune(0.5)})
    Chain(NET, {"prune": PruneIteratively(0.5), "move": stage})


@pytest.mark.parametrize("stage", [RigL, NetworkSurgery])
def test_a_fit_of_no_epochs_changes_nothing_and_is_refused(stage):
    with pytest.raises(ConfigError, match="a fit of at least 1 epoch"):
        stage(Fit(0))


@pytest.mark.parametrize(
    ("stage", "changes"),
    [
        (RigL(), {"fit": Fit(21), "every": 7, "end": 0.5, "fraction": 0.2}),
        (NetworkSurgery(), {"fit": Fit(21), "every": 7, "end": 0.5, "c": 2.0, "margin": 0.2, "decay": 0.1}),
    ],
)
def test_the_key_changes_with_every_field(stage, changes):
    assert set(changes) == {field.name for field in fields(stage)}
    stages = [stage, *(replace(stage, **{name: value}) for name, value in changes.items())]
    assert len({Chain(NET, {"prune": Prune(), "it": one}).keys()[-1] for one in stages}) == len(stages)
