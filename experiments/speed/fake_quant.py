"""What a training step of a fake-quantized ResNet-20 costs against the plain one: all layers at 4 bits, batches of 3×32×32.

python experiments/speed/fake_quant.py [--batch 64] [--rounds 15] [--threads 1 2]
"""

import argparse
import statistics
import time
from collections.abc import Callable

import torch
from torch import nn

from lightexp.models import ResNet, build
from lightexp.quantize import LayerWeight, MinMax, Uniform
from lightexp.reparam import layers, mask_of, set_quantizer


def step(scope: str | None, batch: int) -> Callable[[], None]:
    """A training step of a net whose weights are quantized by `scope`, or not at all."""
    torch.manual_seed(0)
    net = build(ResNet, (3, 32, 32), 10)
    found = layers(net)
    if scope:
        weights = {name: LayerWeight(layer.weight.detach(), mask_of(layer)) for name, layer in found.items()}
        for name, quantizer in Uniform(4, scope, MinMax()).fit(weights, 0, None).items():
            set_quantizer(found[name], quantizer)
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1, momentum=0.9)
    inputs, labels = torch.randn(batch, 3, 32, 32), torch.randint(10, (batch,))

    def take() -> None:
        optimizer.zero_grad()
        nn.functional.cross_entropy(net(inputs), labels).backward()
        optimizer.step()

    return take


def seconds(take: Callable[[], None]) -> float:
    began = time.perf_counter()
    take()
    return time.perf_counter() - began


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    options = parser.parse_args()
    print("| threads | steps Δ | plain, ms | quantized, ms | ratio, median | of all rounds |\n|---|---|---|---|---|---|")
    for threads in options.threads:
        torch.set_num_threads(threads)
        for scope in ("tensor", "channel"):
            plain, quantized = step(None, options.batch), step(scope, options.batch)
            for take in (plain, quantized) * 2:
                take()
            # Plain and quantized in turn, so that a busy machine slows both.
            times = [(seconds(plain), seconds(quantized)) for _ in range(options.rounds)]
            ratios = [after / before for before, after in times]
            before, after = (1000 * statistics.median(column) for column in zip(*times, strict=True))
            spread = f"{min(ratios):.2f} to {max(ratios):.2f}"
            print(f"| {threads} | {scope} | {before:.0f} | {after:.0f} | {statistics.median(ratios):.3f} | {spread} |")


if __name__ == "__main__":
    main()
