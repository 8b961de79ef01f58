"""Finding those samples alike that the teacher finds alike."""

from torch import Tensor

from lightexp.distill.feature_loss import FeatureLoss
from lightexp.distill.unit import unit
from lightexp.spec import spec


@spec
class SimilarityPreserving(FeatureLoss):
    """d = ‖G − G_teacher‖²_F / N² for a batch of N, G = A·Aᵀ with rows of norm 1 (SP, Tung & Mori 2019).

    A: the layer's output, a row a sample; so the layers may be of any shapes.
    """

    def distance(self, given: Tensor, wanted: Tensor) -> Tensor:
        return (_similarities(given) - _similarities(wanted)).square().mean()


def _similarities(features: Tensor) -> Tensor:
    """N×N, each row of norm 1."""
    rows = features.flatten(1)
    return unit(rows @ rows.T)
