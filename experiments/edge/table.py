"""Float, the file's own int8 and ONNX Runtime's dynamic quantization of one trained net: error on the test split and latency.

    python experiments/edge/table.py FLOAT.lxp INT8.lxp [FLOAT.lxp INT8.lxp …] [--batch 1 --batch 64] [--threads 1] [--seconds 20]

FLOAT is the trained net as it is, INT8 what schedule=quantize_activations made of it. Both are looked for on the data set in the
config.yaml beside them. Prints Markdown, the latencies of each pair measured in turn.
"""

import argparse
from collections.abc import Iterator
from pathlib import Path

from lightexp import load
from lightexp.artifact import parse, read
from lightexp.cli.evaluate import data_of
from lightexp.edge import check, compare, export
from lightexp.edge.contender import OnnxNet
from lightexp.edge.dynamic import dynamic_int8
from lightexp.edge.machine import processor


def contenders(whole: Path, coded: Path) -> list[OnnxNet]:
    shape = tuple(parse(read(whole)).header["model"]["input_shape"])
    content = export(whole).content
    name = type(load(whole)).__name__
    given = {"float32": content, "int8": export(coded, "int8").content, "dynamic int8": dynamic_int8(content)}
    return [OnnxNet(name, form, shape, made) for form, made in given.items()]


def lines(whole: Path, coded: Path, batches: list[int], threads: int, seconds: float) -> Iterator[str]:
    nets = contenders(whole, coded)
    data, decoded = data_of(whole, parse(read(whole)).header, []), load(whole)
    found = {net.form: check(net.ready(threads), decoded, net.input_shape, data) for net in nets}
    for row in compare(nets, [0] * len(nets), batches, [threads], seconds):
        told = found[row.form]
        note = "" if row.is_base or row.gains else "not faster"
        sizes = f"{row.size_bytes / 1e3:,.0f} | {row.peak_bytes / 1e6:,.1f}"
        times = f"{row.p50_ms:.3f} | {row.p95_ms:.3f} | {row.of_base:.2f}"
        yield f"| {row.file} | {row.form} | {row.batch} | {told.error:.2f} | {sizes} | {times} | {row.rounds:,} | {note} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs="+", type=Path)
    parser.add_argument("--batch", action="append", type=int)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=20.0)
    options = parser.parse_args()
    print("| net | form | batch | test error % | ONNX kB | peak MB | p50 ms | p95 ms | × float | turns | |")
    print("|---|---|---|---|---|---|---|---|---|---|---|")
    for whole, coded in zip(options.files[::2], options.files[1::2], strict=True):
        for line in lines(whole, coded, options.batch or [1], options.threads, options.seconds):
            print(line, flush=True)
    print(f"\n{options.threads} thread of {processor()}")


if __name__ == "__main__":
    main()
