"""How long calls take, beside one another."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median

import numpy as np

WARM_UP = 2
FEWEST, MOST = 3, 2000
"""Rounds."""

Clock = Callable[[], float]
Tell = Callable[[float], None]
"""Told what share of the time has gone, 0 … 1."""


@dataclass(frozen=True)
class Latency:
    """p50_ms, p95_ms: percentiles of a call's milliseconds (linear between samples). of_base: median over the rounds of its time
    over that of the call it is compared with, in the same round. rounds: how many there were."""

    p50_ms: float
    p95_ms: float
    of_base: float
    rounds: int


def in_turn(
    calls: Sequence[Callable[[], object]],
    bases: Sequence[int],
    seconds: float,
    clock: Clock = time.perf_counter,
    tell: Tell = lambda share: None,
) -> list[Latency]:
    """Time some calls in turn, A B C A B C …, so that what else the machine does strikes all alike and ratios hold.

    In each turn a call is made twice and the second one timed: it finds in the caches what it would find if it ran alone, and
    does not take the longer the more others stand beside it. All are called twice before, to warm up.

    Args:
        bases: of each call, the place of the one that it is compared with.
        seconds: for all of them together; there are 3 rounds at least and 2,000 at most.
    """
    for _ in range(WARM_UP):
        for call in calls:
            call()
    rounds: list[list[float]] = []
    began = clock()
    while len(rounds) < FEWEST or (len(rounds) < MOST and clock() - began < seconds):
        rounds.append([_timed(call, clock) for call in calls])
        tell(min(1.0, len(rounds) / FEWEST, (clock() - began) / seconds if seconds else 1.0))
    columns = list(zip(*rounds, strict=True))
    return [_latency(column, columns[base]) for column, base in zip(columns, bases, strict=True)]


def _timed(call: Callable[[], object], clock: Clock) -> float:
    call()
    began = clock()
    call()
    return clock() - began


def _latency(seconds: Sequence[float], base: Sequence[float]) -> Latency:
    p50, p95 = 1000 * np.percentile(seconds, [50, 95])
    ratio = median(mine / theirs for mine, theirs in zip(seconds, base, strict=True))
    return Latency(float(p50), float(p95), ratio, len(seconds))
