from typing import Annotated

from pydantic import Field
from torch import Tensor

from lightexp.prune.allocation import Allocation, keep_largest_overall
from lightexp.prune.lamp import LAMP
from lightexp.spec import spec

INERTIA = 0.5
"""What stands for each row and each column beside those that survive there, as a share of the mean: none is ever hopeless."""


@spec
class CodeLength(Allocation):
    """LAMP scores (Lee et al. 2021) for each bit that a survivor costs in the file: rate against distortion.

    Where most survive, positions are cheap: a weight of row i and column j of its layer takes −log₂ p_ij + `value_bits` bits,
    p_ij = r_i·c_j / (n·m), r_i and c_j being the survivors there, smoothed, n those of the layer, m what smoothing added. So
    units and inputs of few weights lose these first, and those of many gain. Which survive and what they cost depend on each
    other: they are found in `rounds` rounds, from LAMP's choice.

    value_bits: what is spent on a survivor's value and so the same everywhere.
    """

    value_bits: Annotated[float, Field(gt=0)] = 2.0
    rounds: Annotated[int, Field(ge=1)] = 3

    def __call__(self, scores: dict[str, Tensor], sparsity: float | None) -> dict[str, Tensor]:
        comparable = {name: LAMP.comparable(layer) for name, layer in scores.items()}
        masks = keep_largest_overall(comparable, sparsity)
        for _ in range(self.rounds):
            bits = {name: self.value_bits - chances(mask).log2() for name, mask in masks.items()}
            masks = keep_largest_overall({name: layer / bits[name] for name, layer in comparable.items()}, sparsity)
        return masks


def chances(mask: Tensor) -> Tensor:
    """p_ij: how likely a place is to hold a survivor, by the survivors of its row (output) and its column (input)."""
    matrix = mask.flatten(1).double()
    rows, columns = factors(matrix.sum(1), matrix.sum(0))
    return (rows[:, None] * columns).clamp(max=1).reshape(mask.shape)


def factors(rows: Tensor, columns: Tensor) -> tuple[Tensor, Tensor]:
    """Of each row and of each column, so that p_ij is their product, from how many survive there."""
    total = rows.sum().clamp_min(1)
    smoothed = ((counts + INERTIA * total / len(counts)) / (1 + INERTIA) for counts in (rows, columns))
    return tuple(counts / total.sqrt() for counts in smoothed)
