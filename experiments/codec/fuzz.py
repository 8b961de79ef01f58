"""Whatever the bytes of a file say, they end in a net of the right shapes or in ArtifactError.

python experiments/codec/fuzz.py [--cases 100000] [--seed 0]

Small nets of every kind of layer, through every coder, are damaged: bytes changed, flipped, lost, put in, copied, cut off. The
checksum would catch nearly all of it, so three of four are sealed again with one that fits.
"""

import argparse
import collections
import random
import resource
import struct
import sys
import time
import zlib
from collections.abc import Iterator
from functools import partial

import torch
from torch import nn

from lightexp.artifact import BitPacking, Huffman, Range, decode, encode
from lightexp.errors import ArtifactError
from lightexp.models import MLP, build, net_spec
from lightexp.reparam import Codebook, Scaled, layers, set_mask, set_quantizer

MOST_SECONDS = 5.0
MOST_KIB = 2**20
CODERS = (Range(), Huffman(), BitPacking())


def net(kind: str, sizes: list[int]) -> tuple[nn.Module, partial]:
    """Raw and pruned, a codebook (with many entries), steps (of many bits), ±1, all zeros, or survivors in lines."""
    torch.manual_seed(0)
    factory = partial(MLP, widths=sizes[1:-1])
    model = build(factory, (sizes[0],), sizes[-1])
    for layer in layers(model).values():
        shape = layer.weight.shape
        match kind:
            case "zero":
                nn.init.zeros_(layer.weight)
            case "lookup" | "table":
                size = 7 if kind == "lookup" else 700
                set_quantizer(
                    layer, Codebook(torch.randint(size + 1, shape, dtype=torch.int32), torch.randn(size).sort().values)
                )
            case "steps" | "fine":
                set_quantizer(layer, Scaled(torch.rand(shape[0]) / 10 + 0.01, bits=4 if kind == "steps" else 14))
            case "binary" | "lined":
                layer.weight.data = torch.randn(shape).sign() if kind == "binary" else torch.ones(shape)
                set_quantizer(layer, Scaled(torch.ones(1), bits=2))
        if kind == "lined":
            set_mask(layer, (torch.arange(shape[1]) % 8 < 2) ^ (torch.rand(shape) < 0.1))
        elif kind not in ("zero", "binary"):
            set_mask(layer, torch.rand(shape) < 0.3)
    return model, factory


def files() -> Iterator[tuple[str, bytes]]:
    for kind in ("raw", "zero", "lookup", "table", "steps", "fine", "binary", "lined"):
        for sizes in ([6, 5, 3], [40, 9]):
            model, factory = net(kind, sizes)
            about = {"model": net_spec(factory, (sizes[0],), sizes[-1]), "data": "digits", "mean": [0.3], "std": [0.4]}
            yield from ((f"{kind} {type(coder).__name__}", encode(model, about, coder)) for coder in CODERS)


def damaged(data: bytes, dice: random.Random) -> bytes:
    changed = bytearray(data)
    for _ in range(dice.choice([1, 1, 1, 2, 3, 8])):
        at = dice.randrange(8, max(9, len(changed)))
        match dice.choice([0, 0, 0, 1, 1, 1, 2, 3, 4, 5]):
            case 0:
                changed[at : at + 1] = dice.randbytes(1)
            case 1:
                changed[at : at + 1] = bytes(byte ^ 1 << dice.randrange(8) for byte in changed[at : at + 1])
            case 2:
                del changed[at : at + dice.randrange(1, 5)]
            case 3:
                changed[at:at] = dice.choice([dice.randbytes(dice.randrange(1, 5)), b"\xff" * 9, b"\0" * 4])
            case 4:
                changed[at:at] = changed[(start := dice.randrange(8, len(changed) + 1)) : start + dice.randrange(9)]
            case 5:
                del changed[max(9, len(changed) - dice.randrange(1, 9)) :]
    return bytes(changed)


def sealed(data: bytes) -> bytes:
    return data[:4] + struct.pack("<I", zlib.crc32(data[8:])) + data[8:]


def outcome(data: bytes) -> str:
    """Decode; "net", or the error's first words. Any other end is raised."""
    try:
        model = decode(data)
    except ArtifactError as error:
        return str(error)[:24]
    parameters = list(model.parameters())
    assert all(parameter.dtype == torch.float32 and parameter.device.type == "cpu" for parameter in parameters)
    assert len(parameters) == 2 * len(layers(model))
    return "net"


def fuzz(cases: int, seed: int) -> collections.Counter[str]:
    """How many cases ended how.

    Raises:
        AssertionError: one took too long, or all together too much memory. Whatever else `decode` should not raise passes.
    """
    dice, originals, ends = random.Random(seed), list(files()), collections.Counter()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for case in range(cases):
        name, data = originals[case % len(originals)]
        data = damaged(data, dice) if dice.randrange(4) == 0 else sealed(damaged(data, dice))
        began = time.monotonic()
        try:
            ends[outcome(data)] += 1
        except BaseException:
            print(f"case {case} of seed {seed}, from {name}: {data.hex()}", file=sys.stderr)
            raise
        assert time.monotonic() - began < MOST_SECONDS, f"case {case} of seed {seed} took too long: {data.hex()}"
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < MOST_KIB, "the cases took more than 1 GiB"
    return ends


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    torch.set_num_threads(1)
    began = time.monotonic()
    ends = fuzz(options.cases, options.seed)
    for end, count in ends.most_common():
        print(f"{count:>8,}  {end}")
    print(f"{sum(ends.values()):,} cases, none ended otherwise, {time.monotonic() - began:.0f} s")


if __name__ == "__main__":
    main()
