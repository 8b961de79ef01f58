from typing import ClassVar

from torch import Tensor

from lightexp.prune.criterion import Criterion, Statistics, of_units
from lightexp.spec import spec


@spec
class FilterTaylor(Criterion):
    """s = |Σ w · ∂L/∂w| over a unit's weights: the change of L, to first order, if the filter or neuron were 0.

    (Molchanov et al. 2017 sum over the unit's output, 2019 over its weights, squared, which changes no order.) The sum is of
    the mean gradient of all batches; the papers average what each batch gives.
    """

    needs: ClassVar[frozenset[str]] = frozenset({"mean_gradient"})

    def __call__(self, weight: Tensor, statistics: Statistics) -> Tensor:
        return of_units((weight * statistics.mean_gradient).flatten(1).sum(1).abs(), weight)
