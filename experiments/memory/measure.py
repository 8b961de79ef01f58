"""Activation bytes and step time of a residual chain against its depth, with gradient checkpointing and without.

python experiments/memory/measure.py [--rounds 7] [--directory experiments/memory]

Writes memory.csv, memory.png and README.md there. One thread; about 3 GB of memory.
"""

import argparse
import csv
import os
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import numpy as np
import torch
from chain import ResidualChain
from matplotlib import rc_context
from readme import exponent, readme
from torch import nn

from lightexp.models import build
from lightexp.report.style import BLUE, RED, STYLE, new_figure, save
from lightexp.train.checkpointing import checkpointing
from lightexp.train.held import HeldBytes

DEPTHS = (64, 128, 256, 512, 1000)
TIMED = (64, 256, 1000)
FILTERS, SAMPLES, SIDE = 128, 32, 4
SHAPE = {"filters": FILTERS, "samples": SAMPLES, "side": SIDE}
WAYS = (None, "sqrt")


class Chain:
    """A chain of that depth, its batch, and both ways to take a training step."""

    def __init__(self, layers: int, ways: tuple = WAYS, filters: int = FILTERS) -> None:
        torch.manual_seed(0)
        self.net = build(partial(ResidualChain, layers=layers, filters=filters), (3, SIDE, SIDE), 10).train()
        self.batch = torch.randn(SAMPLES, 3, SIDE, SIDE), torch.randint(10, (SAMPLES,))
        self.optimizer = torch.optim.SGD(self.net.parameters(), lr=1e-3)
        self.ways = {way: checkpointing(self.net, way, self.batch[0][:2]) for way in ways}

    def step(self, way: str | None) -> None:
        self.optimizer.zero_grad()
        with self.ways[way]:
            loss = nn.functional.cross_entropy(self.net(self.batch[0]), self.batch[1])
        loss.backward()
        self.optimizer.step()

    def held_bytes(self, way: str | None) -> int:
        counting = HeldBytes([*self.net.parameters(), *self.net.buffers(), *self.batch])
        with counting:
            self.step(way)
        return counting.peak

    def seconds(self, way: str | None) -> tuple[float, float]:
        """On the clock, and of the processor, which other work on the machine disturbs less."""
        began = time.perf_counter(), time.process_time()
        self.step(way)
        return time.perf_counter() - began[0], time.process_time() - began[1]


def measure(layers: int, rounds: int, filters: int = FILTERS) -> list[dict]:
    """A row for each way; both take their steps in turn, so that a busy machine slows both."""
    chain = Chain(layers, filters=filters)
    rows = [{"layers": layers, "checkpointing": way or "none", "activation_bytes": chain.held_bytes(way)} for way in WAYS]
    if layers in TIMED:
        clock, processor = np.array([[chain.seconds(way) for way in WAYS] for _ in range(rounds)]).transpose(2, 1, 0)
        for row, seconds in zip(rows, np.median(processor, axis=1), strict=True):
            row["step_seconds"] = round(float(seconds), 4)
        ratios = clock[1] / clock[0]
        figures = {
            "times_processor": np.median(processor[1] / processor[0]),
            "times": np.median(ratios),
            "times_lowest": ratios.min(),
            "times_highest": ratios.max(),
        }
        rows[1] |= {name: round(float(figure), 3) for name, figure in figures.items()}
    return rows


def resident_bytes(way: str) -> None:
    """Print by how much the process grows at its peak within a step of the deepest chain, its gradients there already."""
    chain = Chain(DEPTHS[-1], (None if way == "none" else way,))
    for parameter in chain.net.parameters():
        parameter.grad = torch.zeros_like(parameter)
    chain.optimizer.zero_grad = lambda: None
    Path("/proc/self/clear_refs").write_text("5")  # the peak so far is forgotten
    before = _status("VmRSS")
    (way,) = chain.ways
    chain.step(way)
    print(_status("VmHWM") - before)


def _status(name: str) -> int:
    (line,) = [line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith(name)]
    return int(line.split()[1]) * 1024


def resident() -> dict[str, int]:
    """`resident_bytes` of both ways, each in a process of its own, in which freed memory goes back at once."""
    options = {"env": os.environ | {"MALLOC_MMAP_THRESHOLD_": "65536"}, "capture_output": True, "text": True, "check": True}
    ways = ("none", "sqrt")
    return {way: int(subprocess.run([sys.executable, __file__, "--resident", way], **options).stdout) for way in ways}


def draw(rows: list[dict], path: Path) -> None:
    with rc_context(STYLE):
        figure = new_figure(2.4)
        axes = figure.add_subplot()
        for way, label, colour, marker in (("none", "all kept", BLUE, "o"), ("sqrt", "√n segments", RED, "s")):
            points = [(row["layers"], row["activation_bytes"] / 1e6) for row in rows if row["checkpointing"] == way]
            axes.loglog(*zip(*points, strict=True), color=colour, marker=marker)
            axes.annotate(
                f"{label}: ∝ n$^{{{exponent(rows, way):.2f}}}$",
                points[2],
                xytext=(6, -14),
                textcoords="offset points",
                color=colour,
            )
        axes.set_xticks(DEPTHS, [str(depth) for depth in DEPTHS])
        axes.set_yticks((10, 30, 100, 300), ("10", "30", "100", "300"))
        axes.minorticks_off()
        axes.set_xlabel("layers n")
        axes.set_ylabel("held for backward (MB)")
        save(figure, path)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--directory", type=Path, default=Path(__file__).parent)
    parser.add_argument("--filters", type=int, help="only print what 64 layers of so many filters take")
    parser.add_argument("--resident", choices=("none", "sqrt"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    torch.set_num_threads(1)
    if options.resident:
        return resident_bytes(options.resident)
    if options.filters:
        return print(*measure(DEPTHS[0], options.rounds, options.filters), sep="\n")
    rows = []
    for depth in DEPTHS:
        rows += measure(depth, options.rounds)
        print(*rows[-2:], sep="\n", flush=True)
    grown = resident()
    print(grown)
    with (options.directory / "memory.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[1]), restval="")
        writer.writeheader()
        writer.writerows(rows)
    draw(rows, options.directory / "memory.png")
    published = list(csv.DictReader((Path(__file__).parent / "published.csv").open()))
    (options.directory / "README.md").write_text(readme(rows, grown, published, options.rounds, SHAPE))


if __name__ == "__main__":
    main()
