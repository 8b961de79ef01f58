from typing import ClassVar

from torch import Tensor

from lightexp.prune.criterion import Criterion, Statistics
from lightexp.spec import spec


@spec
class Wanda(Criterion):
    """s = |w| · ‖x‖₂, x all that the weight was multiplied with: small weights of loud inputs stay (Sun et al. 2024).

    The paper compares the weights of a row with each other. Here the allocation says what is compared: `NofM` parts of a row
    (the paper's 2:4), `Uniform` a layer; `Global` sets layers of loud inputs before the others.
    """

    needs: ClassVar[frozenset[str]] = frozenset({"input_norm"})

    def __call__(self, weight: Tensor, statistics: Statistics) -> Tensor:
        return weight.abs() * statistics.input_norm
