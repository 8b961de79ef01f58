"""Which weights to keep: criteria score them, allocations share the cut out over the layers."""

from lightexp.prune.allocation import Allocation
from lightexp.prune.criterion import Criterion, Statistics
from lightexp.prune.erk import ERK
from lightexp.prune.everywhere import Global
from lightexp.prune.fisher import Fisher
from lightexp.prune.gradient import Gradient
from lightexp.prune.lamp import LAMP
from lightexp.prune.magnitude import Magnitude
from lightexp.prune.n_of_m import NofM
from lightexp.prune.per_layer import PerLayer
from lightexp.prune.random import Random
from lightexp.prune.snip import SNIP
from lightexp.prune.taylor import Taylor
from lightexp.prune.threshold import Threshold
from lightexp.prune.uniform import Uniform
from lightexp.prune.weight_entropy import WeightEntropy

__all__ = [
    "ERK",
    "LAMP",
    "SNIP",
    "Allocation",
    "Criterion",
    "Fisher",
    "Global",
    "Gradient",
    "Magnitude",
    "NofM",
    "PerLayer",
    "Random",
    "Statistics",
    "Taylor",
    "Threshold",
    "Uniform",
    "WeightEntropy",
]
