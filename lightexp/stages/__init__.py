"""What can be done to a net: the verbs of a compression schedule."""

from lightexp.stages.chain import Chain
from lightexp.stages.correct_bias import CorrectBias
from lightexp.stages.ensemble import Ensemble
from lightexp.stages.factorize import Factorize
from lightexp.stages.fit import Fit
from lightexp.stages.gradual import PruneGradually
from lightexp.stages.iterative import PruneIteratively
from lightexp.stages.lineage import Lineage
from lightexp.stages.load_file import LoadFile, file_chain
from lightexp.stages.load_weights import LoadWeights
from lightexp.stages.prune import Prune
from lightexp.stages.quantize import Quantize
from lightexp.stages.quantize_activations import QuantizeActivations
from lightexp.stages.recalibrate import Recalibrate
from lightexp.stages.reduce_rank import ReduceRank
from lightexp.stages.reinitialise import Reinitialise
from lightexp.stages.remove_dead import RemoveDead
from lightexp.stages.rewind import Rewind
from lightexp.stages.rigl import RigL
from lightexp.stages.round import Round
from lightexp.stages.shorten import Shorten
from lightexp.stages.shrink import ShrinkFilters, ShrinkScales
from lightexp.stages.shuffle import Shuffle
from lightexp.stages.slim import Slim, SlimIteratively
from lightexp.stages.sort import Sort
from lightexp.stages.stage import Context, Stage
from lightexp.stages.stepwise import PruneStepwise
from lightexp.stages.surgery import NetworkSurgery
from lightexp.stages.ticket import PruneAndRewind

__all__ = [
    "Chain",
    "Context",
    "CorrectBias",
    "Ensemble",
    "Factorize",
    "Fit",
    "Lineage",
    "LoadFile",
    "LoadWeights",
    "NetworkSurgery",
    "Prune",
    "PruneAndRewind",
    "PruneGradually",
    "PruneIteratively",
    "PruneStepwise",
    "Quantize",
    "QuantizeActivations",
    "Recalibrate",
    "ReduceRank",
    "Reinitialise",
    "RemoveDead",
    "Rewind",
    "RigL",
    "Round",
    "Shorten",
    "ShrinkFilters",
    "ShrinkScales",
    "Shuffle",
    "Slim",
    "SlimIteratively",
    "Sort",
    "Stage",
    "file_chain",
]
