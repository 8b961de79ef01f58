"""Each layer as in the paper's tables 2 and 3, theirs beside ours: `python layers.py SWEEP …`, on runs written by its coder."""

import csv
import sys
from pathlib import Path

import numpy as np

from lightexp.artifact import Huffman, Parsed, parse
from lightexp.artifact.prefix import word_lengths
from lightexp.compose.resolvers import tracking_uri
from lightexp.report import query
from lightexp.report.artifacts import Artifacts

HEAD = "| layer | weights | density (%) | bits a weight | Huffman coded | bits an index | Huffman coded | size (%) | Huffman coded |"
COUNT = """Theirs → ours, mean over seeds. Counted as in the paper: what is stored are the weights that are not 0 and the fillers
between those too far apart; an index says how many zeros come before. Size is that of indices, values and a codebook of float32 in
% of float32 weights, without biases and without the tables of the Huffman codes, which the file has too."""


def stored(numbers: np.ndarray, index_bits: int) -> tuple[np.ndarray, np.ndarray]:
    """Zeros before each entry, and its code; an entry is a weight that is not 0, or the last of 2 ** index_bits zeros."""
    at = np.flatnonzero(numbers)
    zeros = np.diff(at, prepend=-1) - 1
    fillers = int((zeros >> index_bits).sum())
    gaps = np.append(zeros & (2**index_bits - 1), np.full(fillers, 2**index_bits - 1))
    return gaps, np.append(numbers.ravel()[at], np.zeros(fillers, numbers.dtype))


def huffman_bits(symbols: np.ndarray) -> float:
    """Mean length of a word."""
    counts = np.unique(symbols, return_counts=True)[1]
    return float(counts @ word_lengths(counts)) / symbols.size


def rows(file: Parsed) -> list[list[float]]:
    """For each layer and all of them: the columns of the table."""
    found, entries = [], []
    for layer, numbers in zip(file.layers, file.numbers(), strict=True):
        index_bits = file.coder.conv_bits if len(layer.shape) > 2 else file.coder.linear_bits
        gaps, codes = stored(numbers, index_bits)
        bits = [layer.bits, huffman_bits(codes), index_bits, huffman_bits(gaps)]
        sizes = [(codes.size * sum(pair) + 32 * len(file.tables[layer.table])) / 32 for pair in (bits[::2], bits[1::2])]
        found.append([layer.size, 100 * layer.nonzero / layer.size, *bits, *(100 * size / layer.size for size in sizes)])
        entries.append(codes.size)
    return [*found, total(found, entries)]


def total(layers: list[list[float]], entries: list[int]) -> list[float]:
    """Bits are means over what is stored, shares over all weights."""
    columns = np.array(layers).T
    shares, bits = (
        np.average(columns[at], axis=1, weights=of) for at, of in (([1, 6, 7], columns[0]), ([2, 3, 4, 5], entries))
    )
    return [columns[0].sum(), shares[0], *bits, *shares[1:]]


def published(network: str) -> list[list[float]]:
    """The same from the paper's rows. What was stored of a layer is not told; its density says it but for fillers."""
    with Path(__file__).with_name("layers.csv").open() as lines:
        found = [list(map(float, list(row.values())[2:])) for row in csv.DictReader(lines) if row["network"] == network]
    return [*found, total(found, [row[0] * row[1] for row in found])] if found else []


def main(sweeps: list[str]) -> None:
    frame, files = query.runs(tracking_uri(), *sweeps), Artifacts(tracking_uri())
    for (name, network), runs in frame[frame["status"] == "FINISHED"].groupby(["tag.experiment", "tag.model"]):
        parsed = [parse(files.read(run, "model.lxp")) for run in runs["run_id"]]
        parsed = [file for file in parsed if isinstance(file.coder, Huffman)]
        ours = np.mean([rows(file) for file in parsed], axis=0)
        labels = [*(layer.name for layer in parsed[0].layers), "all"]
        print(f"### Layers of {name}, {len(parsed)} seeds\n\n{HEAD}\n|---|{'---:|' * 8}")
        for label, there, here in zip(labels, published(network), ours, strict=True):
            cells = [f"{theirs:.2f} → {own:.2f}" for theirs, own in zip(there[1:], here[1:], strict=True)]
            print(f"| {label} | {here[0]:,.0f} | {' | '.join(cells)} |")
        print()
    print(COUNT)


if __name__ == "__main__":
    main(sys.argv[1:])
