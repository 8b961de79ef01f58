import torch
from torch import Tensor

from lightexp.prune.criterion import Statistics
from lightexp.prune.weight_entropy import WeightEntropy
from lightexp.spec import spec


@spec
class WeightEntropyShare(WeightEntropy):
    """s = −p log₂ p, bits, p that of the weight's bin: the part of the layer's entropy that the bin brings.

    Unlike −log₂ p it also lets go what is rare: its largest value stands at p = 1/e.
    """

    def __call__(self, weight: Tensor, statistics: Statistics) -> Tensor:
        p = self.probability(weight)
        return -p * torch.log2(p)
