"""What a fit sees of its data set, and the bias of a class that it never saw."""

from functools import partial

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from lightexp import Experiment
from lightexp.data import Augmented, Digits, Shift, Whole, Without
from lightexp.errors import ConfigError, DataError
from lightexp.models import MLP
from lightexp.stages import Context, CorrectBias, Fit
from lightexp.stages.correct_bias import best_shift


@pytest.fixture(scope="module")
def digits():
    return Digits().load()


def test_without_a_class_the_rest_stays_in_its_order(digits):
    seen = Without([3])(digits)
    kept = digits.train.y != 3
    assert torch.equal(seen.train.x, digits.train.x[kept]) and torch.equal(seen.train.y, digits.train.y[kept])
    assert seen.val is digits.val and seen.test is digits.test and seen.mean == digits.mean


def test_each_training_set_has_its_own_fingerprint(digits):
    sets = [Whole(), Without([3]), Without([3, 5]), Augmented({"a": Shift(1)}), Augmented({"a": Shift(2)})]
    assert len({made(digits).fingerprint for made in sets}) == len(sets)
    assert Without([5, 3])(digits).fingerprint == Without([3, 5])(digits).fingerprint


def test_augmentations_of_a_training_are_not_those_of_the_data(digits):
    seen = Augmented({"shift": Shift(1)})(digits)
    assert seen.augment == (Shift(1),) and digits.augment == () and seen.train is digits.train


@pytest.mark.parametrize(("labels", "message"), [([10], "has no class 10"), ([*range(10)], "nothing is left")])
def test_classes_that_cannot_be_left_out(digits, labels, message):
    with pytest.raises(DataError, match=message):
        Without(labels)(digits)


def test_it_is_told_before_anything_is_trained(tmp_path):
    experiment = Experiment(
        Digits(), partial(MLP, widths=[5]), {"train": Fit(1, training_set=Without([11]))}, directory=tmp_path
    )
    with pytest.raises(DataError, match="stage train: digits has no class 11"):
        experiment.run()


def test_a_net_that_never_saw_a_class_never_says_it_until_its_bias_is_raised(digits, tmp_path):
    stages = {"train": Fit(6, training_set=Without([3])), "raise": CorrectBias([3], by=100.0)}
    run = partial(Experiment, Digits(), partial(MLP, widths=[20]), stages, control=False, store=None)
    unseen = run(order=["train"], directory=tmp_path / "unseen").run()
    assert unseen.class_errors[3] > 30 and unseen.test_errors == sum(unseen.class_errors)
    raised = run(directory=tmp_path / "raised").run()
    assert raised.class_errors[3] == 0 and raised.test_errors == int((digits.test.y != 3).sum())


# Three samples, classes 0, 1, 2, and class 2 to be raised: the gaps to it are 1, 3 and 5.
LOGITS = torch.tensor([[1.0, 0.0, 0.0], [0.0, 3.0, 0.0], [5.0, 0.0, 0.0]])


@pytest.mark.parametrize(
    ("labels", "amount"),
    [
        ([2, 1, 0], 2.0),  # the first is won at 1, the second lost at 3
        ([2, 2, 0], 4.0),  # two are won by 3
        ([2, 2, 2], 5.5),  # all: beyond the last gap
        ([0, 1, 0], 0.5),  # none must be lost: before the first
        ([1, 1, 1], 2.0),  # only the second is ever right, until 3; the range from 1 is wider than that before it
    ],
)
def test_the_shift_is_the_middle_of_the_best_range(labels, amount):
    assert best_shift(LOGITS, torch.tensor(labels), (2,)) == amount


@given(st.integers(0, 1000), st.integers(3, 6), st.integers(1, 30))
def test_no_shift_on_a_fine_grid_is_better(seed, classes, samples):
    generator = torch.Generator().manual_seed(seed)
    logits = torch.randn(samples, classes, generator=generator)
    labels = torch.randint(classes, (samples,), generator=generator)
    raised = (1,) if seed % 2 else (0, 2)

    def right(amount: float) -> int:
        moved = logits.double().clone()
        moved[:, list(raised)] += amount
        return int((moved.argmax(1) == labels).sum())

    assert right(best_shift(logits, labels, raised)) >= max(right(float(by)) for by in torch.linspace(-8, 8, 321))


def test_the_stage_raises_the_biases_and_nothing_else(digits):
    torch.manual_seed(0)
    net = MLP((1, 8, 8), 10, [5])
    before = {name: tensor.clone() for name, tensor in net.state_dict().items()}
    CorrectBias([3, 4], by=2.5)(net, Context(digits, seed=0))
    after = net.state_dict()
    moved = after["layers.1.bias"] - before["layers.1.bias"]
    assert moved.nonzero().flatten().tolist() == [3, 4] and moved[3] == 2.5
    assert all(torch.equal(after[name], before[name]) for name in before if name != "layers.1.bias")


@pytest.mark.parametrize("labels", [[10], [-1], [*range(10)]])
def test_classes_that_cannot_be_raised(labels):
    with pytest.raises(ConfigError, match="some and not all of the classes 0 to 9"):
        CorrectBias(labels).check(MLP((4,), 10, [5]))


def test_a_last_layer_without_biases():
    with pytest.raises(ConfigError, match="the last layer, 0, has no bias"):
        CorrectBias([1]).check(nn.Sequential(nn.Linear(4, 3, bias=False)))
