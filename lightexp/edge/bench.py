"""Nets measured against one another where they run."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from lightexp.edge.contender import Contender
from lightexp.edge.forms import Runtime, forms_of_files
from lightexp.edge.session import all_threads
from lightexp.measure import Latency, in_turn

GAIN = 0.95
"""A larger share of the base's time is no gain: the noise of medians in turn comes close to it."""

Tell = Callable[[str, float], None]
"""Told what is being measured, and how much of the whole is done, 0 … 1."""


@dataclass(frozen=True)
class Row:
    """One net in one way of running it.

    file, form: see `Contender`; base: file and form of what it is compared with. size_bytes: of the ONNX file (of the state, in
    torch). peak_bytes: see `lightexp.edge.memory`, of the largest batch; None in torch. batch, threads. p50_ms, p95_ms: of a
    batch. of_base: median of the times over the base's, in turn; rounds: how many turns.
    """

    file: str
    form: str
    base: str
    size_bytes: int
    peak_bytes: int | None
    batch: int
    threads: int
    p50_ms: float
    p95_ms: float
    of_base: float
    rounds: int

    @property
    def is_base(self) -> bool:
        return self.base == f"{self.file} {self.form}"

    @property
    def gains(self) -> bool:
        """Whether it is faster than its base."""
        return self.of_base <= GAIN


def bench(
    files: Sequence[Path],
    runtime: Runtime = "onnx",
    batches: Sequence[int] = (1, 64),
    threads: Sequence[int] | None = None,
    seconds: float = 5.0,
    trust: bool = False,
    tell: Tell = lambda what, share: None,
) -> list[Row]:
    """Latency, size and peak memory of .lxp and .onnx files, of the forms that these have and of their dense originals.

    All are measured in turn, in one process, in each way of running them. threads: 1 and all that there are, by default.
    seconds: of each way, for all nets together. trust: see `lightexp.load`.

    Raises:
        ArtifactError, ConfigError: a file that cannot be read, exported or run, or packages that are not installed.
    """
    tell("exporting", 0.0)
    return compare(*forms_of_files(files, runtime, trust), batches, threads, seconds, tell)


def compare(
    nets: Sequence[Contender],
    bases: Sequence[int],
    batches: Sequence[int] = (1, 64),
    threads: Sequence[int] | None = None,
    seconds: float = 5.0,
    tell: Tell = lambda what, share: None,
) -> list[Row]:
    """`bench` of nets that are at hand. bases: of each, the place of the one that it is compared with."""
    ways = [(batch, count) for count in threads or sorted({1, all_threads()}) for batch in batches]
    tell("memory", 0.0)
    peaks = [net.peak_bytes(max(batches)) for net in nets]
    rows = []
    for done, (batch, count) in enumerate(ways):
        what = f"batch {batch}, {count} thread{'s' * (count > 1)}"
        found = latencies(nets, bases, batch, count, seconds, lambda share: tell(what, (done + share) / len(ways)))  # noqa: B023
        for net, base, peak, one in zip(nets, bases, peaks, found, strict=True):
            named = f"{nets[base].file} {nets[base].form}"
            sizes = (net.size_bytes, peak, batch, count)
            rows.append(Row(net.file, net.form, named, *sizes, one.p50_ms, one.p95_ms, one.of_base, one.rounds))
    return rows


def latencies(
    nets: Sequence[Contender],
    bases: Sequence[int],
    batch: int,
    threads: int,
    seconds: float,
    tell: Callable[[float], None] = lambda share: None,
) -> list[Latency]:
    """Of each net, in one way of running them; see `lightexp.measure.in_turn`."""
    return in_turn([_call(net, batch, threads) for net in nets], bases, seconds, tell=tell)


def _call(net: Contender, batch: int, threads: int) -> Callable[[], object]:
    inputs = np.random.default_rng(0).standard_normal((batch, *net.input_shape), dtype=np.float32)
    return partial(net.ready(threads), inputs)
