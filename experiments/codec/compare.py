"""How small each coder makes the same nets, beside general compressors.

python experiments/codec/compare.py --data DIR [--cache DIR] [--device auto]

DIR holds mnist.npz and, for ResNet-20, cifar10.npz. Trained nets are kept in the cache, so that only coding is done again.
`pip install zstandard` for that row; without it the row is left out.
"""

import argparse
import lzma
from functools import partial
from pathlib import Path

import numpy as np
import torch
from torch import nn

from lightexp.artifact import BitPacking, Huffman, Parsed, Range, encode, parse
from lightexp.data import MNIST, Arrays, DataSet, Splits
from lightexp.models import MLP, ResNet, build, net_spec
from lightexp.prune import LAMP
from lightexp.quantize import KMeans
from lightexp.reparam import rebuild, spec_of
from lightexp.stages import Chain, Context, Fit, Prune, Quantize

ADAM = partial(torch.optim.Adam, lr=2e-3, fused=True)
FIT = partial(Fit, optimizer=ADAM, batch_size=128)


def chain(factory: partial, sparsity: float, epochs: int, tune_epochs: int) -> Chain:
    stages = {
        "train": FIT(epochs),
        "prune": Prune(sparsity, allocation=LAMP()),
        "tune": FIT(tune_epochs),
        "share": Quantize(KMeans(15)),
    }
    return Chain(factory, stages)


def trained(name: str, steps: Chain, data: Splits, cache: Path) -> nn.Module:
    path = cache / f"{name}.pt"
    torch.manual_seed(0)
    net = build(steps.model, data.input_shape, data.classes)
    if path.exists():
        stored = torch.load(path, weights_only=True)
        return rebuild(net, stored["constraints"], stored["state"])
    net = net.to(data.train.x.device)
    for number, (_, stage) in enumerate(steps.steps()):
        net = stage(net, Context(data, seed=number))
    cache.mkdir(parents=True, exist_ok=True)
    net = net.cpu()
    torch.save({"constraints": spec_of(net), "state": net.state_dict()}, path)
    return net


def general(parsed: Parsed, packed: Parsed) -> dict[str, int]:
    """Bytes of the codes under general compressors, bit-packed and at a byte a weight."""
    plain = b"".join(numbers.astype(np.uint8).tobytes() for numbers in parsed.numbers())
    found = {}
    for what, data in (("bit-packed", packed.values), ("a byte a weight", plain)):
        found[f"{what}, lzma -9e"] = len(lzma.compress(data, lzma.FORMAT_ALONE, preset=9 | lzma.PRESET_EXTREME))
        try:
            from zstandard import ZstdCompressor
        except ImportError:
            continue
        found[f"{what}, zstd -19"] = len(ZstdCompressor(level=19, write_content_size=False).compress(data))
    return found


def code_bytes(parsed: Parsed) -> int:
    return parsed.bytes_of["positions"] + parsed.bytes_of["values"]


def report(name: str, net: nn.Module, steps: Chain, data: Splits) -> None:
    about = {"model": net_spec(steps.model, data.input_shape, data.classes), "data": data.name}
    about |= {"mean": list(data.mean), "std": list(data.std)}
    files = {coder: encode(net, about, coder) for coder in (Range(), Huffman(), BitPacking())}
    parsed, huffman, packed = (parse(file) for file in files.values())
    ideal = sum(map(sum, parsed.ideal_bytes()))
    weights, nonzero = (sum(getattr(layer, field) for layer in parsed.layers) for field in ("size", "nonzero"))
    rows = {"Range": code_bytes(parsed), "Huffman + relative index": code_bytes(huffman)} | general(parsed, packed)
    rows["bit-packed"] = code_bytes(packed)
    print(f"\n**{name}**: {weights:,} weights, {100 * (1 - nonzero / weights):.2f} % zeros\n")
    print("| coder | codes, bytes | × ideal | bits a non-zero | file, bytes |\n|---|---|---|---|---|")
    print(f"| *ideal, of Range's model* | {ideal:,.1f} | 1 | {8 * ideal / nonzero:.3f} | |")
    totals = {"Range": len(files[Range()]), "Huffman + relative index": len(files[Huffman()])}
    for row, size in sorted(rows.items(), key=lambda item: item[1]):
        total = totals.get(row, len(files[BitPacking()]) - rows["bit-packed"] + size)
        print(f"| {row} | {size:,} | {size / ideal:.4f} | {8 * size / nonzero:.3f} | {total:,} |")
    limit = 1.005 * ideal + 48
    print(f"\nRange's limit, 1.005 × ideal + 48: {limit:,.1f}; it takes {code_bytes(parsed):,}. Its file: {parsed.bytes_of}.")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--cache", type=Path, default=Path(".lightexp/codec"))
    parser.add_argument("--device", default="auto", help="auto, cpu or cuda, to train on")
    options = parser.parse_args()
    device = ("cuda" if torch.cuda.is_available() else "cpu") if options.device == "auto" else options.device
    cases: list[tuple[str, DataSet, Chain]] = []
    if (options.data / "mnist.npz").exists():
        mnist, lenet = MNIST(root=options.data, download=False), partial(MLP, widths=[300, 100])
        cases += [(f"LeNet-300-100, MNIST, {sparsity}", mnist, chain(lenet, sparsity, 8, 6)) for sparsity in (0.95, 0.98)]
    if (options.data / "cifar10.npz").exists():
        resnet = partial(ResNet, depth=20)
        cases += [("ResNet-20, CIFAR-10, 0.9", Arrays(options.data / "cifar10.npz"), chain(resnet, 0.9, 1, 1))]
    for name, dataset, steps in cases:
        data = dataset.load().to(device)
        report(name, trained(name.replace(", ", "-"), steps, data, options.cache), steps, data)


if __name__ == "__main__":
    main()
