"""ResNet-18 at ImageNet's shape from net to file and back: seconds of each step, and the most memory the process held (Linux).

python experiments/edge/resnet18.py [--share 0.5] [--multiple 8] [--threads 1]

The net is untrained and the images are noise, which makes no difference to what the steps cost. Seconds are on the clock;
memory is that of the whole process, imports and images included.
"""

import argparse
import re
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import torch
from torch import nn

import lightexp
from lightexp.artifact import encode
from lightexp.data import Splits, split
from lightexp.edge import bench, export
from lightexp.measure import layer_macs
from lightexp.models import build, net_spec, torchvision_net
from lightexp.slim import MACs
from lightexp.stages import Context, Slim
from lightexp.surgery import surgery_of

FACTORY, SHAPE, CLASSES = partial(torchvision_net, name="resnet18"), (3, 224, 224), 1000


def noise() -> Splits:
    images = np.random.default_rng(0).random((16, *SHAPE)).astype(np.float32)
    return split("noise", images, np.arange(16) % 2, images[:2], np.arange(2), validation=0.25)


def built() -> nn.Module:
    torch.manual_seed(0)
    return build(FACTORY, SHAPE, CLASSES).eval()


def slimmed(net: nn.Module, share: float, multiple: int) -> nn.Module:
    stage, data = Slim(MACs(share), multiple=multiple), noise()
    stage.check(net)
    stage.check_both(net, data)
    return stage(net, Context(data, seed=0, fresh=built))


def written(net: nn.Module, file: Path) -> Path:
    described = net_spec(FACTORY, SHAPE, CLASSES, surgery_of(net))
    file.write_bytes(encode(net, {"model": described, "data": "noise", "mean": [0.0], "std": [1.0]}))
    return file


def peak_bytes() -> int:
    return 1024 * int(re.search(r"VmHWM:\s+(\d+)", Path("/proc/self/status").read_text())[1])


class Clock:
    """Takes the time of one step after the other and prints it."""

    def __init__(self) -> None:
        self.total = 0.0

    def time(self, name: str, step: Callable) -> object:
        began = time.perf_counter()
        made = step()
        seconds = time.perf_counter() - began
        self.total += seconds
        print(f"{name:<8} {seconds:6.1f} s   peak {peak_bytes() / 1e9:.2f} GB")
        return made


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--share", type=float, default=0.5, help="of the MACs, to take away")
    parser.add_argument("--multiple", type=int, default=8)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=5.0, help="that nets are measured for, in turn")
    asked = parser.parse_args()
    torch.set_num_threads(asked.threads)
    clock = Clock()
    with tempfile.TemporaryDirectory() as folder:
        net = clock.time("build", built)
        dense = sum(layer_macs(net, SHAPE).values())
        net = clock.time("slim", lambda: slimmed(net, asked.share, asked.multiple))
        file = clock.time("encode", lambda: written(net, Path(folder) / "model.lxp"))
        decoded = clock.time("decode", lambda: lightexp.load(file))
        exported = clock.time("export", lambda: export(file).content)
        (Path(folder) / "model.onnx").write_bytes(exported)
        rows = clock.time("bench", lambda: bench([file], "onnx", [1], [asked.threads], asked.seconds))
        with torch.no_grad():
            assert torch.equal(decoded(torch.ones(1, *SHAPE)), net(torch.ones(1, *SHAPE)))
        macs, size = sum(layer_macs(decoded, SHAPE).values()), file.stat().st_size
    cost = f"{dense / 1e9:.3f} → {macs / 1e9:.3f} G MACs ({1 - macs / dense:.1%} less)"
    for row in rows:
        print(f"{row.file} {row.form}: {row.p50_ms:.1f} ms, {row.of_base:.2f} × {row.base}")
    print(f"{clock.total:.1f} s in all · {cost} · {size:,} bytes")


if __name__ == "__main__":
    main()
