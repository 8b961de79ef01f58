"""The model of positions: which weights of a layer survived."""

import numpy as np

from lightexp.artifact.lattice import Lattice, blocks
from lightexp.artifact.odds import UNIT, Odds, units
from lightexp.artifact.options import Options
from lightexp.artifact.streams import LEAST, Stream

CELLS = 1024
"""Weights that are coded at a time, at least: as many as hide what a call of numpy costs."""
CONTEXTS = 3 * 18


def code_positions(stream: Stream, marks: np.ndarray, ones: int, options: Options, before: np.ndarray | None) -> np.ndarray:
    """Code which entries of a matrix of booleans are True; a reader's `marks` are filled in.

    The odds of each are those of the layer × a factor of its row × one of its column × one of its neighbourhood.

    Args:
        ones: how many are True, neither none nor all.
        before: what this returned for the layer before.

    Returns:
        The factors of the rows.
    """
    height, width = marks.shape
    base = ones / (marks.size - ones)
    rows, columns = Odds(height, float(4**options.rows)), Odds(width, float(4**options.columns))
    if options.follow and before is not None:
        columns.factor[:] = np.repeat(before, width // len(before))
    if options.line:
        turned = np.ascontiguousarray(marks.T)
        _code_lines(stream, turned, base, columns, rows, Lattice(width, height, options.line))
        marks[:] = turned.T
    else:
        _code_plain(stream, marks, base, rows, columns)
    return rows.factor


def _code_plain(stream: Stream, marks: np.ndarray, base: float, rows: Odds, columns: Odds) -> None:
    height, width = marks.shape
    for block in blocks(height, 32):
        step = max(-(-width // 16), -(-CELLS // (block.stop - block.start)))
        for start in range(0, width, step):
            part = slice(start, min(width, start + step))
            odds = (base * rows.factor[block])[:, None] * columns.factor[part]
            _code(stream, marks, block, part, odds, rows, columns)


def _code_lines(stream: Stream, turned: np.ndarray, base: float, columns: Odds, rows: Odds, lattice: Lattice) -> None:
    contexts, line = Odds(CONTEXTS, 3.0), lattice.line
    for block in blocks(turned.shape[1], 128):
        for turn, part in lattice.parts():
            if block.start == 0 and part.start >= line:
                # Nothing is known of these columns but that they lie below others.
                columns.factor[part] *= columns.factor[part.start - line : part.stop - line : part.step]
            left, right, above, *beside = lattice.around(turn, part, block)
            context = 18 * turn + (left + right) + 3 * above + 6 * (beside[0] + beside[1])
            odds = (base * columns.factor[part])[:, None] * rows.factor[block] * contexts.factor[context]
            found, expected = _code(stream, turned, part, block, odds, columns, rows)
            lattice.known(part, block)[:] = found
            flat = context.ravel()
            total, ones = np.bincount(flat, minlength=CONTEXTS), np.bincount(flat[found.ravel()], minlength=CONTEXTS)
            contexts.learn(slice(None), ones, np.bincount(flat, expected.ravel(), CONTEXTS) / UNIT, total)


def _code(
    stream: Stream, marks: np.ndarray, down: slice, along: slice, odds: np.ndarray, first: Odds, second: Odds
) -> tuple[np.ndarray, np.ndarray]:
    """Code one part of a matrix, and teach the factors of its two sides; what was found, and what was expected in units."""
    chances = np.clip(odds / (1 + odds), LEAST, 1 - LEAST)
    found = marks[down, along] = stream.marks(chances, marks[down, along])
    expected = units(chances)
    height, width = found.shape
    first.learn(down, found.sum(1), expected.sum(1) / UNIT, width)
    second.learn(along, found.sum(0), expected.sum(0) / UNIT, height)
    return found, expected
