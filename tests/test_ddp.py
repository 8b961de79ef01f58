"""Several processes take the steps of one; whatever goes wrong in one of them is told in a line and leaves none behind."""

import multiprocessing
import os
import pickle
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

import lightexp
from lightexp.data import Augmented, Shift, Splits, split
from lightexp.distill import Hint, SoftLogits, Teacher, UncertaintySum
from lightexp.errors import ConfigError, TrainingError
from lightexp.prune import Gradient
from lightexp.quantize import KMeans
from lightexp.reparam import layers, mask_of, spec_of
from lightexp.stages import Context, Fit, Prune, PruneGradually, Quantize
from lightexp.train import Constant, Surroundings, Trainer, checkpoint, processes
from lightexp.train.group import Group
from lightexp.train.portable import portable
from tests.tiny import experiment

SGD = partial(torch.optim.SGD, lr=0.05, momentum=0.9)
TWO = Trainer(processes=2)


@pytest.fixture(scope="module")
def data() -> Splits:
    """Three classes of noisy 4×4 pictures: 99 that train and 21 that validate."""
    random = np.random.default_rng(0)
    y = np.arange(120) % 3
    x = (random.normal(size=(120, 4, 4)) + random.normal(size=(3, 4, 4))[y]).astype(np.float32)
    return split("made", x, y, x[:30], y[:30], validation=0.18, augment=[Shift(1)])


@pytest.fixture(autouse=True)
def none_left():
    yield
    assert not multiprocessing.active_children()


def normalised(seed: int = 0) -> nn.Module:
    torch.manual_seed(seed)
    return nn.Sequential(nn.Conv2d(1, 6, 3), nn.BatchNorm2d(6), nn.ReLU(), nn.Flatten(), nn.Linear(24, 3), nn.BatchNorm1d(3))


def trained(data: Splits, stage, model: nn.Module | None = None, **around) -> tuple[nn.Module, list[dict]]:
    context = Context(data, seed=7, teacher=Teacher(normalised(1).eval(), key="kept"), around=Surroundings(**around))
    model = stage(model or normalised(), context)
    # Bytes are those of a process's share; seconds are seconds.
    vary = {"seconds", "step_seconds", "activation_bytes"}
    return model, [{name: told for name, told in asdict(epoch).items() if name not in vary} for epoch in context.curve]


def alike(one: tuple[nn.Module, list[dict]], other: tuple[nn.Module, list[dict]]) -> None:
    (model, curve), (their_model, their_curve) = one, other
    theirs = their_model.state_dict()
    for name, tensor in model.state_dict().items():
        torch.testing.assert_close(tensor, theirs[name], rtol=1e-4, atol=1e-5, msg=name)
    for epoch, their_epoch in zip(curve, their_curve, strict=True):
        assert epoch.pop("parts") == pytest.approx(their_epoch.pop("parts"), rel=1e-4)
        assert epoch == pytest.approx(their_epoch, rel=1e-4)


# Shares


@given(st.integers(1, 40), st.integers(1, 6))
def test_the_mean_of_a_batch_is_that_of_its_shares(samples, size):
    values = torch.arange(samples).double() ** 2
    shares = [Group(rank, size).share((values, torch.arange(samples))) for rank in range(size)]
    assert sum(part[0].mean() * share for part, share in shares) == pytest.approx(float(values.mean()))
    taken = torch.cat([part[1] for part, _ in shares])
    assert torch.equal(taken, torch.arange(samples) if samples >= size else torch.arange(samples).repeat(size))


# The steps of one process

BOTH = UncertaintySum({"soft": SoftLogits(), "hint": Hint(student_layers=("2",), teacher_layers=("2",), hard=0)})
# 99 samples in batches of 34: the last one holds 31, so all shares are uneven, and so are its parts.
PLAIN = Fit(3, 34, optimizer=SGD, rate=Constant())
STAGES = {
    "plain": PLAIN,
    "own parameters": replace(PLAIN, loss=BOTH, teacher="given"),
    "kept logits": replace(PLAIN, loss=SoftLogits(), teacher="given", training_set=Augmented({})),
    "gradual": PruneGradually(0.75, Gradient(), fit=PLAIN, every=2),
    "all options": replace(PLAIN, accumulate=3, clip=0.5, average=0.8, patience=3),
    "shares of one": replace(PLAIN, epochs=1, batch_size=3, optimizer=partial(SGD, lr=1e-3)),
}


@pytest.mark.parametrize("name", STAGES)
def test_two_processes_take_the_steps_of_one(name, data):
    alone, together = (trained(data, STAGES[name], trainer=trainer) for trainer in (Trainer(), TWO))
    alike(alone, together)
    if name == "gradual":
        masks = [[mask_of(layer) for layer in layers(model).values()] for model, _ in (alone, together)]
        assert all(map(torch.equal, *masks))
        assert sum(int((~mask).sum()) for mask in masks[1]) == round(0.75 * (54 + 72))


def test_more_processes_than_samples_in_a_batch(data):
    # The last batch holds 3 of the 99 samples: too few for four.
    fit = replace(PLAIN, epochs=1, batch_size=32)
    runs = []
    for trainer in (Trainer(), Trainer(processes=4)):
        torch.manual_seed(0)
        runs.append(trained(data, fit, nn.Sequential(nn.Flatten(), nn.Linear(16, 3)), trainer=trainer))
    alike(*runs)


def test_a_segmented_net_in_two_processes(data):
    alike(trained(data, PLAIN), trained(data, PLAIN, trainer=Trainer(processes=2, checkpointing=2)))


def test_the_record_of_two_processes_is_that_of_one(tmp_path):
    one = experiment(tmp_path / "one", dropout=0).run()
    two = experiment(tmp_path / "two", dropout=0, trainer=TWO).run()
    assert two.key == one.key
    assert two.test_accuracy == pytest.approx(one.test_accuracy, abs=0.5)
    assert two.file_bytes == pytest.approx(one.file_bytes, rel=0.01)
    assert (two.nonzero, two.weight_bits) == (one.nonzero, one.weight_bits)


# Going on


def test_a_resumed_training_of_two_is_the_uninterrupted_one(data, tmp_path, monkeypatch):
    monkeypatch.setattr(checkpoint, "SECONDS_BETWEEN", 0)

    class Stop(Exception):
        pass

    def stop(epoch) -> None:
        if epoch.number == 2:
            raise Stop

    kept, fit = tmp_path / "epoch.ckpt", STAGES["all options"]
    whole, curve = trained(data, fit, trainer=TWO)
    with pytest.raises(Stop):
        trained(data, fit, trainer=TWO, checkpoint=kept, on_epoch=stop)
    assert not multiprocessing.active_children()
    began = kept.stat().st_mtime_ns
    resumed, its_curve = trained(data, fit, trainer=TWO, checkpoint=kept)
    assert kept.stat().st_mtime_ns > began
    assert its_curve == curve
    assert all(torch.equal(tensor, whole.state_dict()[name]) for name, tensor in resumed.state_dict().items())


# What goes wrong


def failing(fails: Callable[[nn.Module], None]) -> Callable[..., None]:
    def before_step(model: nn.Module, step: int, steps: int) -> None:
        if step == 4 and torch.distributed.get_rank() == 1:
            fails(model)

    return before_step


def poison(model: nn.Module) -> None:
    model[4].bias.data.fill_(float("nan"))


def die(model: nn.Module) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def refuse(model: nn.Module) -> None:
    raise ConfigError("this net is not to be trained")


def stumble(model: nn.Module) -> None:
    raise ZeroDivisionError("by nothing\nat all")


@pytest.mark.parametrize(
    ("fails", "error", "line"),
    [
        (poison, TrainingError, r"the loss became NaN or infinite in epoch 2, first in layer 4; lower the learning rate"),
        (die, TrainingError, r"process 1 of the training died \(exit code -9\); .*Lower trainer\.processes"),
        (refuse, ConfigError, r"this net is not to be trained"),
        (stumble, TrainingError, r"process 1 of the training: ZeroDivisionError: by nothing"),
    ],
)
def test_what_goes_wrong_in_one_process_is_told_in_a_line(fails, error, line, data):
    model = nn.Sequential(*list(normalised())[:5])
    context = Context(data, seed=7, around=Surroundings(trainer=TWO))
    with pytest.raises(error) as raised:
        PLAIN.train(model, context, before_step=failing(fails))
    assert re.fullmatch(line, str(raised.value))


ORPHANS = """
import multiprocessing, os, sys
from pathlib import Path
from tests.tiny import experiment
from lightexp.train import Trainer, fitting

class Tell:
    def __getattr__(self, name): return lambda *told: None
    def progress(self, label, stage, share):
        children = multiprocessing.active_children()
        if children:
            print(*(child.pid for child in children), flush=True)
            while True: pass

experiment(Path(sys.argv[1]), trainer=Trainer(processes=2), observers=[Tell()]).run()
"""


def test_processes_end_with_the_one_that_started_them(tmp_path):
    command = [sys.executable, "-W", "ignore", "-c", ORPHANS, str(tmp_path)]
    parent = subprocess.Popen(command, cwd=Path(lightexp.__file__).parents[1], stdout=subprocess.PIPE, text=True)
    children = [int(pid) for pid in parent.stdout.readline().split()]
    assert len(children) == 2
    assert all(_alive(pid) for pid in children)
    parent.kill()
    parent.wait()
    for _ in range(500):
        if not any(map(_alive, children)):
            break
        time.sleep(0.02)
    assert not any(map(_alive, children))
    parent.stdout.close()


def _alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


# Processes that share no memory


def test_a_constrained_net_goes_to_another_process_whole(data):
    model = normalised()
    for stage in (Prune(0.5), Quantize(KMeans(3, scope="net"))):
        stage(model, Context(data, seed=1))
    there = pickle.loads(pickle.dumps(Sent(model))).model
    assert spec_of(there) == spec_of(model)
    tables = {id(layer.parametrizations.weight[0].table) for layer in layers(there).values()}
    assert len(tables) == 1
    inputs = torch.randn(5, 1, 4, 4)
    assert torch.equal(there.eval()(inputs), model.eval()(inputs))


class Sent:
    def __init__(self, model: nn.Module) -> None:
        self.model = model

    def __reduce__(self) -> tuple:
        return portable(Sent, self.model)


def test_spawned_processes_do_what_forked_ones_do(data, monkeypatch):
    forked = trained(data, STAGES["gradual"], trainer=TWO)
    monkeypatch.setitem(processes.START, "cpu", "spawn")
    # What is told here cannot leave this process.
    told: list[float] = []
    spawned = trained(data, STAGES["gradual"], trainer=TWO, on_progress=lambda share: told.append(share))
    alike(forked, spawned)
    assert told[-1] == 1
