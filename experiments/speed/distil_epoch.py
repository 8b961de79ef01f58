"""Seconds an epoch of distillation takes: `fit` with the teacher's logits kept, with the teacher asked anew, and a bare loop.

    python experiments/speed/distil_epoch.py [--data DIR] [--rounds 7] [--threads 1] [--cpu]

LeNet-300-100 learns from a net of 2×1200 on MNIST (54,000 training images after the validation part), batch 128, fused Adam,
soft logits at T = 4. The bare loop does the same over tensors in memory, the teacher's logits among them. Each round times all
in turn, an epoch each with its validation; the ratios are taken within a round. The logits are computed once, ahead of the
rounds, into a store on disk; how long that takes is printed first. `--cpu` counts the seconds of the processor, which tell more
where others use it too.
"""

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lightexp.data import MNIST, Splits
from lightexp.distill import SoftLogits, Teacher
from lightexp.experiment import Store
from lightexp.experiment.logits import keep_logits
from lightexp.measure import score
from lightexp.models import MLP
from lightexp.train import Constant, Surroundings, TeacherLogits, Training, fit

BATCH = 128
TEMPERATURE, ALPHA = 4.0, 0.9
ADAM = partial(torch.optim.Adam, lr=1e-3, fused=True)

Clock = Callable[[], float]


def net(*widths: int) -> nn.Module:
    torch.manual_seed(0)
    return MLP(input_shape=(1, 28, 28), classes=10, widths=widths)


def ours(clock: Clock, data: Splits, teacher: Teacher, around: Surroundings) -> float:
    model = net(300, 100)
    training = Training(1, BATCH, SoftLogits(TEMPERATURE, ALPHA), ADAM, Constant())
    began = clock()
    fit(model, data, training, seed=0, teacher=teacher, around=around)
    return clock() - began


def bare(clock: Clock, data: Splits, logits: Tensor) -> float:
    model, inputs, labels = net(300, 100), data.normalise(data.train.x), data.train.y
    optimizer = ADAM(model.parameters())
    began = clock()
    for index in torch.randperm(len(labels)).split(BATCH):
        optimizer.zero_grad()
        given = model(inputs.index_select(0, index))
        wanted = F.log_softmax(logits.index_select(0, index) / TEMPERATURE, 1)
        soft = F.kl_div(F.log_softmax(given / TEMPERATURE, 1), wanted, reduction="batchmean", log_target=True)
        hard = F.cross_entropy(given, labels.index_select(0, index))
        ((1 - ALPHA) * hard + ALPHA * TEMPERATURE**2 * soft).backward()
        optimizer.step()
    score(model, data, data.val)
    return clock() - began


def rounds(count: int, contestants: dict[str, Clock]) -> list[dict[str, float]]:
    """Seconds an epoch of each, `count` times in turn, after one that does not count."""
    found = []
    for number in range(count + 1):
        seconds = {name: run() for name, run in contestants.items()}
        if number:
            found.append(seconds)
            print("  ".join(f"{name} {value:.3f} s" for name, value in seconds.items()), flush=True)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", default="data", help="folder of mnist.npz")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--cpu", action="store_true", help="seconds of the processor, not of the wall")
    options = parser.parse_args()
    clock = time.process_time if options.cpu else time.perf_counter
    torch.set_num_threads(options.threads)
    data = MNIST(root=options.data).load()
    live, teacher = Teacher(net(1200, 1200).eval()), Teacher(net(1200, 1200).eval(), key="2×1200")
    with tempfile.TemporaryDirectory() as folder:
        store = Store(folder)
        store.probe(0)
        around = Surroundings(keep=partial(keep_logits, store, [], lambda what, share: None))
        logits = TeacherLogits(teacher, data)
        began = clock()
        mapped = around.keep(logits)
        print(f"once: the teacher answers to {len(mapped):,} samples in {clock() - began:.2f} s, {mapped.nbytes:,} bytes")
        contestants = {
            "bare": partial(bare, clock, data, mapped.clone()),
            "kept": partial(ours, clock, data, teacher, around),
            "live": partial(ours, clock, data, live, around),
        }
        found = rounds(options.rounds, contestants)
    for name, other in (("kept", "bare"), ("live", "bare"), ("kept", "live")):
        ratios = [seconds[name] / seconds[other] for seconds in found]
        print(f"{name} / {other}: {statistics.median(ratios):.3f} (median; {min(ratios):.3f} to {max(ratios):.3f})")


if __name__ == "__main__":
    main()
