"""Entropy coding of positions and values by constriction's range coder."""

import numpy as np
from constriction import stream

from lightexp.artifact.binary import Reader, unzigzag, varint, varints, zigzag
from lightexp.errors import ArtifactError

# constriction makes its submodules as attributes of a compiled module: they can be reached, but not imported.
model, queue = stream.model, stream.queue


class Encoder:
    """One range coder over many arrays, so that only one of them pays for its end."""

    def __init__(self) -> None:
        self._coder = queue.RangeEncoder()

    def bits(self, marks: np.ndarray) -> None:
        """Code booleans by a Bernoulli model of their own frequency, which the reader must know."""
        ones = int(marks.sum())
        if 0 < ones < marks.size:
            self._coder.encode(marks.reshape(-1).astype(np.int32), _bernoulli(ones, marks.size))

    def symbols(self, indices: np.ndarray, counts: np.ndarray) -> None:
        """Code indices 0 … K−1 by their frequencies `counts`, all over 0, which the reader must know."""
        if len(counts) > 1:
            self._coder.encode(indices.astype(np.int32), _categorical(counts))

    def finish(self) -> bytes:
        # Past its end a range decoder reads zeros, so zeros at the end need not be kept.
        return self._coder.get_compressed().astype("<u4").tobytes().rstrip(b"\0")


class Decoder:
    """Reads back, in the same order and with the same models, what an `Encoder` wrote."""

    def __init__(self, data: bytes) -> None:
        self._coder = queue.RangeDecoder(np.frombuffer(data + b"\0" * (-len(data) % 4), "<u4").astype(np.uint32))

    def bits(self, ones: int, size: int) -> np.ndarray:
        if 0 < ones < size:
            marks = self._decode(_bernoulli(ones, size), size).astype(bool)
            if int(marks.sum()) != ones:
                raise ArtifactError("the positions do not match their count")
            return marks
        return np.full(size, ones > 0)

    def symbols(self, counts: np.ndarray) -> np.ndarray:
        if len(counts) > 1:
            return self._decode(_categorical(counts), int(counts.sum()))
        # Each index occurs, so a single one is 0; a layer that is all zeros has none.
        return np.zeros(int(counts.sum()), dtype=np.int32)

    def _decode(self, distribution: model.Model, size: int) -> np.ndarray:
        try:
            return self._coder.decode(distribution, size)
        except Exception as error:
            raise ArtifactError("the coded stream does not decode") from error


def _bernoulli(ones: int, size: int) -> model.Model:
    return model.Bernoulli(ones / size, perfect=False)


def _categorical(counts: np.ndarray) -> model.Model:
    return model.Categorical(counts / counts.sum(), perfect=False)


def ideal_bits(counts: np.ndarray) -> float:
    """Bits that symbols of these frequencies need under their own distribution: −Σ n_k log2(n_k / n)."""
    found = counts[counts > 0].astype(np.float64)
    return float(-(found * np.log2(found / found.sum())).sum()) if found.size else 0.0


def write_histogram(codes: np.ndarray) -> tuple[bytes, np.ndarray, np.ndarray]:
    """The distinct codes and how often each occurs, as bytes and as (levels, counts); levels ascend."""
    levels, counts = np.unique(codes, return_counts=True)
    if not levels.size:
        return varint(0), levels, counts
    gaps = np.diff(levels) - 1
    return varint(len(levels)) + varint(zigzag(int(levels[0]))) + varints(gaps) + varints(counts), levels, counts


def read_histogram(reader: Reader, total: int) -> tuple[np.ndarray, np.ndarray]:
    size = reader.varint()
    if size == 0 and total == 0:
        return np.zeros(0, np.int64), np.zeros(0, np.int64)
    if not 0 < size <= total:
        raise ArtifactError("a histogram in the file does not fit its layer")
    first = unzigzag(reader.varint())
    gaps = [reader.varint() for _ in range(size - 1)]
    counts = np.array([reader.varint() for _ in range(size)], dtype=object)
    if sum(counts) != total or min(counts) < 1 or first + sum(gaps) + size > 2**31 or first < -(2**31):
        raise ArtifactError("a histogram in the file does not fit its layer")
    levels = first + np.concatenate([[0], np.cumsum(np.array(gaps, dtype=np.int64) + 1)])
    return levels.astype(np.int64), counts.astype(np.int64)
