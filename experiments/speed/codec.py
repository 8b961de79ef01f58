"""Weights a second through each coder, both ways, and the memory that it takes at its peak (Linux).

python experiments/speed/codec.py [--runs 3]

The nets are untrained, with 90 % of the weights of each layer pruned by magnitude and the others on 4-bit steps: what a coder
does with a weight does not depend on whether it was trained. Processor seconds of one thread, the best of the runs. Memory is
what the process holds at its peak beyond what it held before the net was there, over the net's dense float32 bytes.
"""

import argparse
import ctypes
import gc
import multiprocessing
import re
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import nn

from lightexp.artifact import BitPacking, Coder, Huffman, Range, decode, encode
from lightexp.models import MLP, ResNet, build, from_spec, net_spec, torchvision_net
from lightexp.reparam import Scaled, layers, set_mask, set_quantizer

NETS = {
    "LeNet-300-100": (partial(MLP, widths=[300, 100]), (1, 28, 28), 10),
    "ResNet-20": (partial(ResNet, depth=20), (3, 32, 32), 10),
    "ResNet-18": (partial(torchvision_net, name="resnet18"), (3, 224, 224), 1000),
}


def compressed(factory: Callable[..., nn.Module], input_shape: tuple[int, ...], classes: int) -> nn.Module:
    torch.manual_seed(0)
    net = build(factory, input_shape, classes)
    for layer in layers(net).values():
        sizes = layer.weight.detach().abs()
        set_quantizer(layer, Scaled((sizes.max() / 7).reshape(1), bits=4))
        set_mask(layer, sizes > sizes.flatten().kthvalue(max(1, int(0.9 * sizes.numel()))).values)
    return net


def memory_bytes(field: str) -> int:
    """VmRSS: now; VmHWM: at the peak since the last `forget_peak`."""
    return 1024 * int(re.search(rf"{field}:\s+(\d+)", Path("/proc/self/status").read_text())[1])


def forget_peak() -> None:
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)
    Path("/proc/self/clear_refs").write_text("5")


def measured(name: str, coder: Coder, runs: int) -> dict[str, Any]:
    torch.set_num_threads(1)
    factory, input_shape, classes = NETS[name]
    about = {"model": net_spec(factory, input_shape, classes), "data": "", "mean": [], "std": []}
    tiny = partial(MLP, widths=[4]), (4,), 2
    decode(encode(compressed(*tiny), about | {"model": net_spec(*tiny)}, coder))
    from_spec(about["model"], device="meta")  # by now all modules are loaded
    before = memory_bytes("VmRSS")
    net = compressed(factory, input_shape, classes)
    params = sum(parameter.numel() for parameter in net.parameters())
    peaks = []
    forget_peak()
    data = encode(net, about, coder)
    peaks.append(memory_bytes("VmHWM") - before)
    seconds = timed(partial(encode, net, about, coder), runs)
    del net
    forget_peak()
    before = memory_bytes("VmRSS")
    decode(data)
    peaks.append(memory_bytes("VmHWM") - before)
    seconds += timed(partial(decode, data), runs)
    return {"weights": params, "bytes": len(data), "seconds": seconds, "peaks": [peak / 4 / params for peak in peaks]}


def timed(call: Callable[[], Any], runs: int) -> list[float]:
    """The processor seconds of the fastest run."""
    found = []
    for _ in range(runs):
        began = time.process_time()
        call()
        found.append(time.process_time() - began)
    return [min(found)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=3)
    runs = parser.parse_args().runs
    print("| net | coder | weights | bytes | M weights/s in | out | seconds in | out | peak memory in | out |")
    print("|---|---|---|---|---|---|---|---|---|---|")
    for name in NETS:
        for coder in (Range(), Huffman(), BitPacking()):
            with multiprocessing.get_context("spawn").Pool(1) as fresh:
                found = fresh.apply(measured, (name, coder, runs))
            speeds = [f"{found['weights'] / seconds / 1e6:.1f}" for seconds in found["seconds"]]
            # Beside a small net the interpreter's own ups and downs are large.
            peaks = [f"{peak:.2f}×" if found["weights"] > 1e7 else "" for peak in found["peaks"]]
            cells = [*speeds, *(f"{s:.2f}" for s in found["seconds"]), *peaks]
            print(
                f"| {name} | {type(coder).__name__} | {found['weights']:,} | {found['bytes']:,} | {' | '.join(cells)} |",
                flush=True,
            )


if __name__ == "__main__":
    main()
