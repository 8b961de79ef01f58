"""What `trainer.compile=true` gives: the seconds until the first compiled step is done, and a step's time against the plain one.

    python experiments/speed/compile.py [--batch 64] [--rounds 15] [--nets LeNet-5 …]

Plain and compiled steps (forward, backward, fused Adam) are taken in turn on one thread. Seconds are those that processors spent
on this process and the compilers it started, which a busy machine does not stretch. Every fit pays the start anew, though torch
keeps what it compiled on disk: "cold" is with nothing kept, "warm" the second time. The last column is how many steps it takes
until a warm start has been paid back.
"""

import argparse
import os
import resource
import statistics
import tempfile
from collections.abc import Callable
from functools import partial

import torch
from torch import nn

from lightexp.models import MLP, LeNet5, ResNet, build
from lightexp.reparam import layers, set_mask
from lightexp.train.compiled import compiled


def masked(net: nn.Module) -> nn.Module:
    for layer in layers(net).values():
        set_mask(layer, torch.rand_like(layer.weight) < 0.1)
    return net


NETS: dict[str, tuple[tuple[int, ...], Callable[[tuple[int, ...]], nn.Module]]] = {
    "LeNet-300-100": ((1, 28, 28), lambda shape: build(partial(MLP, widths=[300, 100]), shape, 10)),
    "LeNet-300-100, masked": ((1, 28, 28), lambda shape: masked(build(partial(MLP, widths=[300, 100]), shape, 10))),
    "MLP 2×1200": ((1, 28, 28), lambda shape: build(partial(MLP, widths=[1200, 1200]), shape, 10)),
    "LeNet-5": ((1, 28, 28), lambda shape: build(LeNet5, shape, 10)),
    "ResNet-20": ((3, 32, 32), lambda shape: build(ResNet, shape, 10)),
}


def step(name: str, batch: int, through: Callable[[nn.Module], Callable]) -> Callable[[], None]:
    """A training step of that net, called through what `through` makes of it."""
    torch.manual_seed(0)
    shape, make = NETS[name]
    net = make(shape).train()
    answer = through(net)
    optimizer = torch.optim.Adam(net.parameters(), fused=True)
    inputs, labels = torch.randn(batch, *shape), torch.randint(10, (batch,))

    def take() -> None:
        optimizer.zero_grad()
        nn.functional.cross_entropy(answer(inputs), labels).backward()
        optimizer.step()

    return take


def spent() -> float:
    return sum(sum(resource.getrusage(who)[:2]) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))


def seconds(take: Callable[[], None]) -> float:
    began = spent()
    take()
    return spent() - began


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--nets", nargs="+", choices=NETS, default=list(NETS))
    options = parser.parse_args()
    torch.set_num_threads(1)
    # Helpers of the compiler that outlive it would not be counted.
    os.environ["TORCHINDUCTOR_COMPILE_THREADS"] = "1"
    print(
        "| net | cold start, s | warm start, s | plain, ms | compiled, ms | ratio, median | of all rounds | steps until it pays |"
    )
    print("|---|---|---|---|---|---|---|---|", flush=True)
    for name in options.nets:
        with tempfile.TemporaryDirectory() as folder:
            os.environ["TORCHINDUCTOR_CACHE_DIR"] = folder
            cold = seconds(step(name, options.batch, compiled))
            plain, fast = step(name, options.batch, lambda net: net), step(name, options.batch, compiled)
            warm = seconds(fast)
            for take in (plain, fast) * 2:
                take()
            times = [(seconds(plain), seconds(fast)) for _ in range(options.rounds)]
        ratios = [after / before for before, after in times]
        before, after = (statistics.median(column) for column in zip(*times, strict=True))
        pays = f"{warm / (before - after):,.0f}" if after < before else "never"
        spread = f"{min(ratios):.2f} to {max(ratios):.2f}"
        ratio = statistics.median(ratios)
        print(
            f"| {name} | {cold:.1f} | {warm:.1f} | {1000 * before:.2f} | {1000 * after:.2f} | {ratio:.2f} | {spread} | {pays} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
