"""`torch.compile` as an option: refused in a line where it cannot work, and left out where a loss listens to layers."""

import re
from functools import partial

import numpy as np
import pytest
import torch
from torch import nn

from lightexp.data import split
from lightexp.distill import Hint, Teacher
from lightexp.errors import ConfigError
from lightexp.stages import Context, Fit
from lightexp.train import Surroundings, Trainer

CPU = torch.device("cpu")


@pytest.fixture
def no_compiler(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("CXX", "nothere")
    # What was compiled before is found there.
    monkeypatch.setenv("TORCHINDUCTOR_CACHE_DIR", str(tmp_path))
    torch.compiler.reset()
    yield
    torch.compiler.reset()


@pytest.mark.filterwarnings("ignore")  # torch's own, on its way to the compiler
def test_a_machine_without_a_compiler_is_told_so_in_a_line(no_compiler):
    Trainer().check(CPU)
    with pytest.raises(ConfigError) as raised:
        Trainer(compile=True).check(CPU)
    assert re.fullmatch(r"torch\.compile does not work here \(.+\): install a compiler, or .*", str(raised.value))


def test_a_net_whose_layers_are_heard_is_not_compiled(no_compiler):
    y = np.arange(40) % 2
    data = split("made", np.random.default_rng(0).normal(size=(40, 5)), y, np.zeros((2, 5)), y[:2], validation=0.2)
    loss = Hint(student_layers=("0",), teacher_layers=("0",))
    nets = []
    for trainer in (Trainer(), Trainer(compile=True)):
        torch.manual_seed(0)
        net, teacher = (nn.Sequential(nn.Linear(5, 4), nn.ReLU(), nn.Linear(4, 2)) for _ in range(2))
        fit = Fit(2, 8, loss=loss, optimizer=partial(torch.optim.SGD, lr=0.1), teacher="given")
        nets.append(fit(net, Context(data, 1, Teacher(teacher.eval()), around=Surroundings(trainer=trainer))))
    assert torch.equal(nets[0][0].weight, nets[1][0].weight)


def test_speed_and_memory_exclude_each_other():
    with pytest.raises(ConfigError, match="exclude each other"):
        Trainer(compile=True, checkpointing="sqrt")


def test_processes_want_a_device_each(monkeypatch):
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    with pytest.raises(ConfigError, match=r"trainer\.processes=2, but the machine has 1 GPU"):
        Trainer(processes=2).check(torch.device("cuda"))
    with pytest.raises(ConfigError, match="the CPU or on NVIDIA's GPUs"):
        Trainer(processes=2).check(torch.device("mps"))
    Trainer(processes=2).check(CPU)
