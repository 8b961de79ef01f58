"""What can be done to a net: the verbs of a compression schedule."""

from lightexp.stages.chain import Chain
from lightexp.stages.fit import Fit
from lightexp.stages.gradual import PruneGradually
from lightexp.stages.iterative import PruneIteratively
from lightexp.stages.prune import Prune
from lightexp.stages.quantize import Quantize
from lightexp.stages.quantize_activations import QuantizeActivations
from lightexp.stages.stage import Context, Stage

__all__ = ["Chain", "Context", "Fit", "Prune", "PruneGradually", "PruneIteratively", "Quantize", "QuantizeActivations", "Stage"]
