"""A teacher's logits: numbered views by hand, kept and live alike, and one computation for all who ask."""

from dataclasses import asdict, replace
from functools import partial

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from lightexp.data import Crop, Flip, Shift, Splits, split
from lightexp.data.augment import InTurn
from lightexp.distill import Batch, Confidence, CrossEntropy, Hint, Panel, SoftLogits, Sum, Teacher
from lightexp.models import MLP
from lightexp.train import Cosine, Surroundings, TeacherLogits, Training, checkpoint, fit, teacher_logits
from lightexp.train.teacher_logits import kept_bytes, looking_up, pays

FINITE = st.lists(st.sampled_from([Shift(0), Shift(1), Flip(), Crop(1)]), max_size=2)


def noise(x: Tensor, generator=None) -> Tensor:
    """An augmentation of which nobody knows the views."""
    return x + torch.rand(x.shape, generator=generator)


def made(*augment) -> Splits:
    """Three classes of 4×4 pictures: 48 that train and 12 that validate."""
    random = np.random.default_rng(0)
    x, y = random.normal(size=(60, 4, 4)).astype(np.float32), np.arange(60) % 3
    return split("made", x, y, x[:30], y[:30], validation=0.2, augment=augment)


def net(seed: int = 0) -> nn.Module:
    torch.manual_seed(seed)
    return MLP((1, 4, 4), 3, [12]).eval()


class Counting(Teacher):
    """Counts the samples that its net has looked at."""

    def __init__(self, net: nn.Module, key: str | None = "of the net") -> None:
        super().__init__(net, key)
        self.seen = 0
        net.register_forward_hook(self._count)

    def _count(self, module, given, output) -> None:
        self.seen += len(output)


def training(epochs: int = 4) -> Training:
    return Training(epochs, 16, SoftLogits(), partial(torch.optim.Adam, lr=0.01), Cosine())


# Views


def test_views_of_a_shift_by_hand():
    x = torch.arange(1.0, 5).view(1, 1, 2, 2)  # 1 2 / 3 4
    moved = {0: [[0, 0], [0, 1]], 1: [[0, 0], [1, 2]], 4: [[1, 2], [3, 4]], 5: [[2, 0], [4, 0]], 8: [[4, 0], [0, 0]]}
    for which, expected in moved.items():
        assert Shift(1).view(x, torch.tensor([which])).tolist() == [[expected]]


def test_views_of_several_are_all_their_pairs_and_the_last_counts_fastest():
    x, both = torch.arange(16.0).view(1, 1, 4, 4), InTurn([Shift(1), Flip()])
    assert (both.views, InTurn([]).views, InTurn([Flip(), Shift(2), Crop(1)]).views) == (18, 1, 2 * 25 * 9)
    for which in range(18):
        by_hand = Flip().view(Shift(1).view(x, torch.tensor([which // 2])), torch.tensor([which % 2]))
        assert torch.equal(both.view(x, torch.tensor([which])), by_hand)


@given(FINITE, st.integers(0, 99))
def test_rows_name_what_was_drawn(augment, seed):
    data, index = made(*augment), torch.arange(48).flip(0)[:20]
    drawn, labels, rows = data.augmented_batch(index, torch.Generator().manual_seed(seed))
    assert torch.equal(rows % 48, index)
    for which in rows // 48:
        assert 0 <= which < data.views
    again = [data.view(sample[None], int(which)) for sample, which in zip(index, rows // 48, strict=True)]
    assert torch.equal(drawn, torch.cat([x for x, _ in again]))
    assert torch.equal(labels, torch.cat([y for _, y in again]))


def test_each_view_is_drawn_about_as_often_as_any_other():
    index = torch.arange(48).repeat(375)
    _, _, rows = made(Shift(1), Flip()).augmented_batch(index, torch.Generator().manual_seed(0))
    counts = (rows // 48).bincount()
    assert len(counts) == 18  # 1,000 each, with a standard deviation of 31
    assert counts.min() > 850
    assert counts.max() < 1150


# Kept and live


@given(FINITE, st.integers(0, 99))
@settings(max_examples=20)
def test_kept_answers_are_the_live_ones(augment, seed):
    data, teacher = made(*augment), Counting(net())
    kept = looking_up(teacher, data, TeacherLogits.in_memory)
    assert teacher.seen == 48 * data.views
    batch = Batch(*data.augmented_batch(torch.randperm(48)[:20], torch.Generator().manual_seed(seed)))
    looked_up = kept(batch)
    assert teacher.seen == 48 * data.views
    torch.testing.assert_close(looked_up, teacher(batch))
    assert not looked_up.requires_grad


def test_what_is_not_kept_the_net_itself_answers():
    data, teacher = made(), Counting(net())
    kept = looking_up(teacher, data, TeacherLogits.in_memory)
    batch = Batch(*data.augmented_batch(torch.arange(5), None))
    heard = kept.answers(batch, ("layers.0",))
    assert torch.equal(heard.features["layers.0"], teacher.answers(batch, ("layers.0",)).features["layers.0"])
    assert torch.equal(kept((batch.inputs, batch.labels)), teacher(batch))
    assert torch.equal(kept(batch._replace(rows=None)), teacher(batch))


def test_each_teacher_of_a_panel_is_kept_and_weighed_for_each_sample():
    data, teachers = made(Flip()), [Counting(net(seed), f"net {seed}") for seed in range(3)]
    live = Panel(teachers, Confidence())
    kept = looking_up(live, data, TeacherLogits.in_memory)
    batch = Batch(*data.augmented_batch(torch.arange(30), torch.Generator().manual_seed(0)))
    answered = kept(batch)
    assert [teacher.seen for teacher in teachers] == [96, 96, 96]
    torch.testing.assert_close(answered, live(batch))


def test_logits_that_cannot_be_looked_up_elsewhere_have_another_key():
    shifted, plain = made(Shift(1)), made()
    keys = {TeacherLogits(Teacher(net(), key), data).key for key in ("one", "other") for data in (shifted, plain)}
    assert len(keys) == 4
    # A part of what the other trains on, as if a class were left out, is known by a fingerprint of its own.
    assert TeacherLogits(Teacher(net(), "one"), replace(plain, fingerprint="fewer")).key not in keys
    assert TeacherLogits(Teacher(net(1), "one"), made()).key in keys


@pytest.mark.parametrize(
    ("augment", "loss", "epochs", "expected"),
    [
        ((), SoftLogits(), 1, True),
        ((Flip(),), SoftLogits(), 1, False),
        ((Flip(),), SoftLogits(), 2, True),
        ((Flip(), Shift(1)), SoftLogits(), 17, False),
        ((Flip(), Shift(1)), SoftLogits(), 18, True),
        ((Flip(), noise), SoftLogits(), 100, False),
        ((), CrossEntropy(), 1, False),
        ((), Hint(["layers.0"], ["layers.0"]), 1, False),
        ((), Sum({"soft": SoftLogits(), "hint": Hint(["layers.0"], ["layers.0"])}), 1, False),
        ((), Sum({"soft": SoftLogits(), "hard": CrossEntropy()}), 1, True),
    ],
)
def test_when_it_pays(augment, loss, epochs, expected):
    assert pays(made(*augment), loss, epochs) == expected


def test_what_is_too_large_is_not_kept(monkeypatch):
    assert kept_bytes(made(Flip())) == 2 * 48 * 3 * 4
    monkeypatch.setattr(teacher_logits, "LIMIT_BYTES", 2 * 48 * 3 * 4)
    assert pays(made(Flip()), SoftLogits(), 9)
    assert not pays(made(Shift(1)), SoftLogits(), 9)


# Training


@pytest.mark.parametrize(
    ("augment", "key", "epochs", "seen"),
    [
        ((), "net", 4, 48),
        ((Shift(1),), "net", 9, 9 * 48),
        ((Shift(1),), "net", 8, 8 * 48),  # live: as often as there are epochs
        ((), None, 4, 4 * 48),
        ((noise,), "net", 4, 4 * 48),
    ],
)
def test_a_training_asks_the_net_for_each_view_once_or_for_each_batch(augment, key, epochs, seen):
    teacher = Counting(net(), key)
    fit(net(1), made(*augment), training(epochs), seed=0, teacher=teacher)
    assert teacher.seen == seen


def test_a_training_from_kept_logits_is_that_from_live_ones():
    data, students, timeless = made(Flip()), [net(1), net(1), net(1)], {"seconds": None, "step_seconds": None}
    teachers = [Teacher(net(), "key"), Teacher(net(), "key"), Teacher(net())]
    kept, again, live = (
        fit(student, data, training(), seed=0, teacher=teacher) for student, teacher in zip(students, teachers, strict=True)
    )
    assert [asdict(epoch) | timeless for epoch in kept] == [asdict(epoch) | timeless for epoch in again]
    assert [epoch.loss for epoch in kept] == pytest.approx([epoch.loss for epoch in live], rel=1e-5)
    for one, other in zip(students[0].parameters(), students[2].parameters(), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-3, atol=1e-5)


def test_a_resumed_training_looks_up_the_same(tmp_path, monkeypatch):
    class Stop(Exception):
        pass

    def stop(epoch) -> None:
        if epoch.number == 3:
            raise Stop

    monkeypatch.setattr(checkpoint, "SECONDS_BETWEEN", 0)
    data, whole, parted = made(Flip()), net(1), net(1)
    run = partial(fit, data=data, training=training(), seed=0, teacher=Teacher(net(), "key"))
    run(whole)
    with pytest.raises(Stop):
        run(parted, around=Surroundings(tmp_path / "epoch.ckpt", on_epoch=stop))
    run(parted, around=Surroundings(tmp_path / "epoch.ckpt"))
    for one, other in zip(whole.parameters(), parted.parameters(), strict=True):
        assert torch.equal(one, other)
