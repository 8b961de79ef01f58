"""Teachers count as they are right."""

import torch
from torch import Tensor
from torch.nn import functional as F

from lightexp.distill.panel import Weighting
from lightexp.spec import spec


@spec
class Confidence(Weighting):
    """w_k = (1 − exp(CE_k) / Σ_j exp(CE_j)) / (K − 1) of each sample, CE_k = CE(y, z_k) (CA-MKD, Zhang et al. 2022).

    A teacher that is sure of the wrong class has no say in that sample. Theirs weighs each teacher's loss; this their logits.
    """

    def __call__(self, logits: Tensor, labels: Tensor) -> Tensor:
        if len(logits) == 1:
            return torch.ones_like(logits[..., 0])
        costs = F.cross_entropy(logits.movedim(2, 1), labels.expand(len(logits), -1), reduction="none")
        return (1 - costs.softmax(0)) / (len(logits) - 1)
