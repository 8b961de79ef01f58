"""The model of values: which of its alphabet each weight is that survived."""

import functools

import numpy as np

from lightexp.artifact.alphabet import Alphabet
from lightexp.artifact.lattice import Lattice
from lightexp.artifact.streams import Stream

INHERITED = 4
"""What the counts of the layer before are worth, at most: so many for each symbol."""
OWN = 4.0
"""How many symbols a context must have seen to be believed as much as all contexts together."""
LOUDEST, CONTEXTS = 32, 7
_HEARD = np.arange(-LOUDEST, LOUDEST + 1)
CLASSES = (np.sign(_HEARD) * np.searchsorted([1, 4, 8], abs(_HEARD), "right") + 3).astype(np.uint8)
"""The context of a weight by the sum of its neighbours' loudness."""


class Symbols:
    """Adaptive frequencies of symbols 0 … K−1 in several contexts.

    inherited: counts to begin with, of a layer whose values were alike.
    """

    def __init__(self, size: int, contexts: int, inherited: np.ndarray | None) -> None:
        self._tree = tree(size)
        self.counts = np.zeros(size, np.int64)
        if inherited is not None:
            total = int(inherited.sum())
            self.counts += inherited * min(total, INHERITED * size) // max(1, total)
        self._own = np.zeros((contexts, size), np.int64)
        self._weights: list[np.ndarray] = [self.counts] * contexts
        self._left = [0] * contexts
        """Symbols until the weights of a context are made anew: the more it has seen, the less another one changes them."""

    def code(self, stream: Stream, context: int, symbols: np.ndarray) -> np.ndarray:
        found, own = np.empty_like(symbols), self._own[context]
        at = 0
        while at < symbols.size:
            if not self._left[context]:
                weights = self._tree.weights(self.counts, self._tree.even)
                self._weights[context] = weights if len(self._own) == 1 else self._tree.weights(own, weights, OWN)
                self._left[context] = 8 + int(own.sum()) // 2
            piece = slice(at, min(symbols.size, at + self._left[context]))
            found[piece] = stream.symbols(self._weights[context], symbols[piece])
            counted = np.bincount(found[piece], minlength=own.size)
            own += counted
            self.counts += counted
            self._left[context] -= piece.stop - piece.start
            at = piece.stop
        return found


class Tree:
    """Probabilities from counts of ordered symbols, by a Pólya tree: each half of the symbols, each half of a half … has its
    share by its count, and the finer the halves are, the more evidence it takes to tell them apart."""

    def __init__(self, size: int) -> None:
        depth = (size - 1).bit_length()
        widths = 2 ** np.arange(depth, -1, -1)[:, None]
        self._from = np.arange(size) // widths * widths
        self._to = np.minimum(self._from + widths, size)
        self._strengths = (2 ** np.arange(1, depth + 1))[:, None].astype(float)
        self.even = np.ones(size)

    def weights(self, counts: np.ndarray, base: np.ndarray, strength: float = 1.0) -> np.ndarray:
        """Whole numbers in proportion to the probabilities. Where nothing was counted they are those of `base`."""
        found, expected = self._nodes(counts), self._nodes(base)
        strengths = strength * self._strengths
        shares = (found[1:] + strengths * (expected[1:] / expected[:-1])) / (found[:-1] + strengths)
        weights = np.full(len(counts), 2.0**30)
        for share in shares:
            weights *= share
        return np.rint(weights) + 1

    def _nodes(self, counts: np.ndarray) -> np.ndarray:
        """How often each node was met on the way from the root to each symbol: (depth + 1, K)."""
        total = np.concatenate([[0], np.cumsum(counts)])
        return total[self._to] - total[self._from]


@functools.cache
def tree(size: int) -> Tree:
    return Tree(size)


def code_values(
    stream: Stream, marks: np.ndarray, indices: np.ndarray, alphabet: Alphabet, line: int, inherited: np.ndarray | None
) -> tuple[np.ndarray, np.ndarray]:
    """Code the indices of the marked weights, in row-major order.

    Args:
        line: if not 0, the neighbours of each weight say which values are likely (see `Lattice`).
        inherited: the second of what this returned for the last layer with as many symbols.

    Returns:
        The indices, and how often each high part was met.
    """
    low = alphabet.low_bits
    highs = indices >> low
    symbols = Symbols(alphabet.highs, CONTEXTS if line else 1, inherited)
    if line:
        matrix = np.zeros(marks.shape, np.int16)
        matrix[marks] = highs
        turned = np.ascontiguousarray(matrix.T)
        _code_lines(stream, np.ascontiguousarray(marks.T), turned, symbols, alphabet.loudness(), Lattice(*turned.shape, line))
        highs = turned.T[marks].astype(np.int64)
    else:
        highs = symbols.code(stream, 0, highs)
    lows = stream.uniform(2**low, indices & (2**low - 1))
    return (highs << low) + lows, symbols.counts


def _code_lines(
    stream: Stream, marks: np.ndarray, highs: np.ndarray, symbols: Symbols, loudness: np.ndarray, lattice: Lattice
) -> None:
    rows = slice(0, marks.shape[1])
    for turn, part in lattice.parts():
        present = marks[part]
        left, right, above, *beside = lattice.around(turn, part, rows)
        contexts = CLASSES[(2 * (left + right + above) + beside[0] + beside[1])[present] + LOUDEST]
        order = np.argsort(contexts, kind="stable")
        sorted_highs = highs[part][present][order]
        ends = np.cumsum(np.bincount(contexts, minlength=CONTEXTS)).tolist()
        for context, (start, end) in enumerate(zip([0, *ends], ends, strict=False)):
            sorted_highs[start:end] = symbols.code(stream, context, sorted_highs[start:end])
        found = np.empty_like(sorted_highs)
        found[order] = sorted_highs
        highs[part][present] = found
        lattice.known(part, rows)[present] = loudness[found]
