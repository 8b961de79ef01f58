"""Which weights to keep: criteria score them, allocations share the cut out over the layers."""

from lightexp.prune.activation_entropy import ActivationEntropy
from lightexp.prune.allocation import Allocation
from lightexp.prune.apoz import APoZ
from lightexp.prune.batch_norm_scale import BatchNormScale
from lightexp.prune.blocks import Blocks
from lightexp.prune.code_length import CodeLength
from lightexp.prune.columns import Columns
from lightexp.prune.criterion import Criterion, Statistics
from lightexp.prune.erk import ERK
from lightexp.prune.everywhere import Global
from lightexp.prune.filter_norm import FilterNorm
from lightexp.prune.filter_taylor import FilterTaylor
from lightexp.prune.filters import Filters
from lightexp.prune.fisher import Fisher
from lightexp.prune.gradient import Gradient
from lightexp.prune.grasp import GraSP
from lightexp.prune.lamp import LAMP
from lightexp.prune.magnitude import Magnitude
from lightexp.prune.movement import Movement
from lightexp.prune.n_of_m import NofM
from lightexp.prune.per_layer import PerLayer
from lightexp.prune.random import Random
from lightexp.prune.rows import Rows
from lightexp.prune.snip import SNIP
from lightexp.prune.structured import Structured
from lightexp.prune.synflow import SynFlow
from lightexp.prune.taylor import Taylor
from lightexp.prune.threshold import Threshold
from lightexp.prune.uniform import Uniform
from lightexp.prune.wanda import Wanda
from lightexp.prune.weight_entropy import WeightEntropy
from lightexp.prune.weight_entropy_share import WeightEntropyShare

__all__ = [
    "ERK",
    "LAMP",
    "SNIP",
    "APoZ",
    "ActivationEntropy",
    "Allocation",
    "BatchNormScale",
    "Blocks",
    "CodeLength",
    "Columns",
    "Criterion",
    "FilterNorm",
    "FilterTaylor",
    "Filters",
    "Fisher",
    "Global",
    "GraSP",
    "Gradient",
    "Magnitude",
    "Movement",
    "NofM",
    "PerLayer",
    "Random",
    "Rows",
    "Statistics",
    "Structured",
    "SynFlow",
    "Taylor",
    "Threshold",
    "Uniform",
    "Wanda",
    "WeightEntropy",
    "WeightEntropyShare",
]
