from torch import Tensor

from lightexp.prune.structured import Structured, indices
from lightexp.spec import spec


@spec
class Rows(Structured):
    """Neurons and filters go whole: all weights of one index of dimension 0.

    The net's last layer stays whole, since its rows are the classes. What goes are weights: the bias of a neuron and the
    normalisation behind it stay, so it still says a constant, and what reads that constant is not cut.
    """

    def groups(self, name: str, weight: Tensor, is_last: bool) -> Tensor:
        return indices(weight).reshape(1 if is_last else len(weight), -1)
