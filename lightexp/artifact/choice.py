"""The choice of a layer's options, from statistics of the whole layer: it takes less time than to try them."""

import numpy as np

from lightexp.artifact.alphabet import Alphabet
from lightexp.artifact.options import LEVELS, LONGEST_LINE, Options

SHORTEST_LINE = 5
SAMPLE = 2**15
"""Weights among which a line is looked for."""
WORTH_BITS = 16


def choose(marks: np.ndarray, indices: np.ndarray, alphabet: Alphabet, before: np.ndarray | None) -> Options:
    """
    Args:
        marks, indices, alphabet: what survived, and what of the alphabet it is.
        before: the factors of the rows of the layer before.
    """
    line = likely_line(marks, indices, alphabet)
    if marks.all():
        return Options(line=line)
    share = indices.size / marks.size
    by_row, by_column = np.count_nonzero(marks, axis=1), np.count_nonzero(marks, axis=0)
    even = np.full(len(by_column), by_column.mean())
    expected, follow = even, False
    if before is not None and len(by_column) % len(before) == 0:
        leading = np.repeat(before, len(by_column) // len(before))
        leading = np.clip(leading * (by_column.sum() / leading.sum()), 1e-3, 0.999 * len(marks))
        follow = float((by_column * np.log2(leading / even)).sum()) > WORTH_BITS
        expected = leading if follow else even
    return Options(
        firmness(by_row, np.full(len(by_row), by_row.mean()), share), firmness(by_column, expected, share), follow, line
    )


def firmness(found: np.ndarray, expected: np.ndarray, share: float) -> int:
    """The level r whose 4ʳ is nearest to 1 / τ², where τ² is how much the log-odds of rows (or columns) vary beyond what
    chance would do, by the method of moments: Var(found) = v + τ² v², v = expected · (1 − share)."""
    chance = expected * (1 - share)
    beyond = ((found - expected) ** 2 - chance).sum() / (chance**2).sum()
    return LEVELS - 1 if beyond <= 0 else int(np.clip(np.rint(-np.log2(beyond) / 2), 0, LEVELS - 1))


def likely_line(marks: np.ndarray, indices: np.ndarray, alphabet: Alphabet) -> int:
    """The distance at which two columns have the same sign most often, if far more often than at other distances; else 0."""
    sample = marks[: max(1, SAMPLE // marks.shape[1])]
    width = sample.shape[1]
    if width < 4 * SHORTEST_LINE:
        return 0
    signs = np.zeros(sample.shape, np.float32)
    signs[sample] = np.where(indices[: np.count_nonzero(sample)] < alphabet.negatives, -1, 1)
    power = np.abs(np.fft.rfft(signs, 2 * width)) ** 2
    distances = np.arange(SHORTEST_LINE, min(LONGEST_LINE, width // 4) + 1)
    together = np.fft.irfft(power.sum(0))[distances] / (width - distances)
    best, pairs = int(np.argmax(together)), len(sample) * (np.count_nonzero(sample) / sample.size) ** 2
    beyond = together[best] - np.median(together)
    # By chance it is a sum of as many ±1 as there are pairs.
    clear = beyond > 0.2 * pairs and beyond * np.sqrt(width) > 6 * np.sqrt(pairs)
    return int(distances[best]) if clear else 0
