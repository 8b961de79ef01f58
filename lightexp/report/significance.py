"""What a few seeds can tell, and what they cannot."""

import math
from collections.abc import Hashable, Mapping, Sequence

import numpy as np
from scipy.special import stdtr, stdtrit

LEVEL = 0.05
"""Of a family of tests; an interval covers 1 minus this."""


def half_width(sd: float, n: int) -> float:
    """Half the width of the 95 % interval of a mean, t₀.₉₇₅(n − 1) · sd / √n (Student 1908); n ≥ 2 values."""
    return float(stdtrit(n - 1, 1 - LEVEL / 2)) * sd / math.sqrt(n)


def paired(one: Mapping[Hashable, float], other: Mapping[Hashable, float]) -> np.ndarray:
    """one − other for each seed that both have, in the order of the first."""
    return np.array([value - other[seed] for seed, value in one.items() if seed in other])


def paired_p(differences: np.ndarray) -> float | None:
    """Two-sided p of a paired t-test, that the mean of these n differences is 0; None for n < 2.

    The t-test is taken, not a test of signs or ranks: those cannot go below p = 2^(1−n), so with the 3 or 5 seeds of a sweep
    they would never find anything. But equal differences, which coarse errors on a small test set do give, leave no variance
    to estimate; then it is that 2^(1−n), of the test that flips signs (Fisher 1935).
    """
    n = len(differences)
    if n < 2:
        return None
    mean = differences[0] + float(np.mean(differences - differences[0]))
    # Less than rounding makes of equal differences is no variance.
    spread = float(np.sqrt(np.sum((differences - mean) ** 2) / (n - 1)))
    if spread <= 1e-9 * float(np.max(np.abs(differences))):
        return 1.0 if mean == 0 else 2.0 ** (1 - n)
    return 2 * float(stdtr(n - 1, -abs(mean) / (spread / math.sqrt(n))))


def holm(ps: Sequence[float]) -> list[float]:
    """The p-values of a family, corrected so that rejecting those below a level errs anywhere at most so often (Holm 1979).

    With p sorted, p̃₍ᵢ₎ = max over j ≤ i of min(1, (m − j + 1) · p₍ⱼ₎).
    """
    adjusted, largest = [0.0] * len(ps), 0.0
    for rank, place in enumerate(sorted(range(len(ps)), key=ps.__getitem__)):
        largest = max(largest, min(1.0, (len(ps) - rank) * ps[place]))
        adjusted[place] = largest
    return adjusted
