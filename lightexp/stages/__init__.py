"""What can be done to a net: the verbs of a compression schedule."""

from lightexp.stages.chain import Chain
from lightexp.stages.factorize import Factorize
from lightexp.stages.fit import Fit
from lightexp.stages.gradual import PruneGradually
from lightexp.stages.iterative import PruneIteratively
from lightexp.stages.prune import Prune
from lightexp.stages.quantize import Quantize
from lightexp.stages.reduce_rank import ReduceRank
from lightexp.stages.stage import Context, Stage

__all__ = [
    "Chain",
    "Context",
    "Factorize",
    "Fit",
    "Prune",
    "PruneGradually",
    "PruneIteratively",
    "Quantize",
    "ReduceRank",
    "Stage",
]
