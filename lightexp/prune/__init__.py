"""Which weights to keep: criteria score them, allocations share the cut out over the layers."""

from lightexp.prune.allocation import Allocation
from lightexp.prune.criterion import Criterion, Statistics
from lightexp.prune.everywhere import Global
from lightexp.prune.gradient import Gradient
from lightexp.prune.lamp import LAMP
from lightexp.prune.magnitude import Magnitude
from lightexp.prune.random import Random
from lightexp.prune.threshold import Threshold
from lightexp.prune.uniform import Uniform

__all__ = [
    "LAMP",
    "Allocation",
    "Criterion",
    "Global",
    "Gradient",
    "Magnitude",
    "Random",
    "Statistics",
    "Threshold",
    "Uniform",
]
