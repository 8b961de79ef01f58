"""Bytes that autograd holds: counted by hand, without and with gradient checkpointing."""

import gc

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lightexp.data import Splits, split
from lightexp.distill import CrossEntropy
from lightexp.models import MLP
from lightexp.reparam import set_mask
from lightexp.track.metrics import METRICS
from lightexp.train import Constant, Surroundings, Trainer, Training, fit
from lightexp.train.checkpointing import checkpointing
from lightexp.train.held import HeldBytes
from tests import tiny
from tests.test_checkpointing import blocks

SAMPLES = 5
FLOAT = 4


def held(net: nn.Module, x: Tensor, segments=None, labels: Tensor | None = None) -> int:
    """The peak of one step; all is released in the end."""
    within = checkpointing(net.train(), segments, x[:2])
    counting = HeldBytes([*net.parameters(), *net.buffers(), x, *([] if labels is None else [labels])])
    with counting:
        with within:
            out = net(x)
        loss = out.sum() if labels is None else F.cross_entropy(out, labels)
        loss.backward()
    del out, loss
    gc.collect()
    assert counting._now == 0
    return counting.peak


def test_a_perceptron():
    # ReLU keeps its 7 outputs, which the second layer keeps too; the loss its log-probabilities and, for the mean, their weight.
    x, labels = torch.randn(SAMPLES, 4), torch.arange(SAMPLES) % 3
    assert held(MLP((4,), 3, [7]), x, labels=labels) == SAMPLES * (7 + 3) * FLOAT + FLOAT


def test_dropout_keeps_its_mask_as_well():
    # The mask as float32 on the CPU, the inputs of both linear layers, and ReLU's output.
    net, x = MLP((4,), 3, [7], dropout=0.5), torch.randn(SAMPLES, 4)
    assert held(net, x) == SAMPLES * 3 * 7 * FLOAT


def test_a_convolution():
    # Max-pooling keeps its input of 2×4×4 and, in int64, the places of 2×2×2 largest, whose values the linear layer keeps.
    net = nn.Sequential(nn.Conv2d(1, 2, 3), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(8, 3))
    assert held(net, torch.randn(SAMPLES, 1, 6, 6)) == SAMPLES * (32 * FLOAT + 8 * 8 + 8 * FLOAT)


def test_batch_normalisation_keeps_its_input_mean_and_deviation():
    net = nn.Sequential(nn.Linear(4, 6), nn.BatchNorm1d(6))
    assert held(net, torch.randn(SAMPLES, 4)) == (SAMPLES * 6 + 2 * 6) * FLOAT


def test_a_weight_computed_from_others_is_held_and_its_mask_is_not():
    net = nn.Sequential(nn.Linear(4, 6), nn.Linear(6, 3, bias=False))
    x = torch.randn(SAMPLES, 4)
    plain = held(net, x)
    set_mask(net[1], torch.arange(18).reshape(3, 6) > 4)
    assert plain == SAMPLES * 6 * FLOAT
    assert held(net, x) == plain + 18 * FLOAT


def chain(layers: int) -> nn.Module:
    """Each layer's tanh keeps its 8 outputs, which the next linear layer keeps too."""
    torch.manual_seed(0)
    return nn.Sequential(*(nn.Sequential(nn.Linear(8, 8), nn.Tanh()) for _ in range(layers)))


def test_a_chain_in_segments():
    # Three segments of 4 layers: the inputs of the second and the third (the first has the batch), and all 4 outputs of the third,
    # which is not computed again. In the backward pass, once these are gone, 4 outputs of the second and its input are fewer.
    x, unit = torch.randn(SAMPLES, 8), SAMPLES * 8 * FLOAT
    assert held(chain(12), x) == 12 * unit
    assert held(chain(12), x, 3) == 6 * unit


def test_memory_grows_like_the_root_of_the_depth():
    x = torch.randn(SAMPLES, 8)
    depths = (16, 64, 256)
    plain, cut = ([held(chain(depth), x, segments) for depth in depths] for segments in (None, "sqrt"))
    exponents = [np.polyfit(np.log(depths), np.log(peaks), 1)[0] for peaks in (plain, cut)]
    assert exponents[0] == pytest.approx(1)
    assert 0.4 < exponents[1] < 0.6
    assert cut[-1] < plain[-1] / 7


def test_residual_blocks_in_segments_hold_less():
    net, x = blocks(nn.ReLU(), 16), torch.randn(4, 3, 8, 8)
    assert held(net, x, "sqrt") < held(net, x) / 2


# In a training


@pytest.fixture(scope="module")
def data() -> Splits:
    random = np.random.default_rng(0)
    x, y = random.normal(size=(60, 8)).astype(np.float32), np.arange(60) % 8
    return split("made", x, y, x, y, validation=0.2)


def peaks(data: Splits, segments=None, **options) -> list[int]:
    """Of each epoch."""
    described = {"batch_size": 10, "loss": CrossEntropy(), "optimizer": torch.optim.SGD, "rate": Constant()} | options
    history = fit(chain(12), data, Training(2, **described), seed=0, around=Surroundings(trainer=Trainer(segments)))
    assert all(0 < epoch.step_seconds < epoch.seconds for epoch in history)
    return [epoch.activation_bytes for epoch in history]


def test_a_fit_tells_the_most_of_its_first_step(data):
    # 12 outputs of 8 and the loss's log-probabilities of 8 classes for each sample, and the weight of the mean.
    assert peaks(data) == [10 * 13 * 8 * FLOAT + FLOAT] * 2
    assert peaks(data, batch_size=20) == [20 * 13 * 8 * FLOAT + FLOAT] * 2
    assert peaks(data, accumulate=2) == [5 * 13 * 8 * FLOAT + FLOAT] * 2
    # Two inputs, the third segment's 4 outputs and the log-probabilities.
    assert peaks(data, 3) == [10 * 7 * 8 * FLOAT + FLOAT] * 2


def test_rows_and_the_record_tell_the_costliest_fit(tmp_path):
    record = tiny.experiment(tmp_path).run()
    trained = [row for row in record.stages if row["epochs"]]
    assert [row["stage"] for row in record.stages if row["activation_bytes"] is None] == ["cut", "share"]
    for figure in ("activation_bytes", "step_seconds"):
        assert getattr(record, figure) == max(row[figure] for row in trained) > 0
        assert METRICS[figure] == f"cost/{figure}"
