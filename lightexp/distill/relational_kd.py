"""Placing samples to each other as the teacher places them."""

from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor
from torch.nn import functional as F

from lightexp.distill.feature_loss import FeatureLoss
from lightexp.distill.unit import unit
from lightexp.spec import spec

_SMALLEST = 1e-12


@spec
class RelationalKD(FeatureLoss):
    """d = λ_D·D + λ_A·A over the batch, features flattened to points; so the layers may be of any shapes (RKD, Park et al. 2019).

    D: mean over pairs of huber(‖a_i − a_j‖ / μ, the same of the teacher), μ the mean distance. A: mean over triples of
    huber(cos of the angle at j between i and k, the same of the teacher). huber(x, y) is quadratic up to |x − y| = 1.
    Triples in which two are one count, at a cosine of 0 where a leg has no length.

    distance_weight, angle_weight: λ_D and λ_A. Takes N³ numbers of memory, and N² times the size of a sample's features.
    """

    distance_weight: Annotated[float, Field(ge=0)] = 25.0
    angle_weight: Annotated[float, Field(ge=0)] = 50.0

    def distance(self, given: Tensor, wanted: Tensor) -> Tensor:
        given, wanted = given.flatten(1), wanted.flatten(1)
        pairs = F.smooth_l1_loss(_distances(given), _distances(wanted))
        triples = F.smooth_l1_loss(_angles(given), _angles(wanted))
        return self.distance_weight * pairs + self.angle_weight * triples


def _distances(points: Tensor) -> Tensor:
    """Between all pairs, over their mean."""
    distances = torch.pdist(points)
    return distances / distances.mean().clamp_min(_SMALLEST)


def _angles(points: Tensor) -> Tensor:
    """Cosines, N×N×N: first the point of the angle, then those of its legs."""
    legs = unit(points[None] - points[:, None])
    return legs @ legs.transpose(1, 2)
