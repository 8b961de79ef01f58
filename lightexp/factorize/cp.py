import warnings
from typing import Annotated

import torch
from pydantic import Field
from threadpoolctl import threadpool_limits
from torch import Tensor, nn

from lightexp.factorize.factorization import Factorization, exact, is_convolution, is_pointwise
from lightexp.spec import spec
from lightexp.surgery import Separable

_RIDGE = 1e-10
"""Added to the least squares of a weight of norm 1, so that those of a weight of lower rank have one solution too."""


@spec
class CP(Factorization):
    """W_oixy ≈ Σ_r A_or · B_ir · X_xr · Y_yr: 1×1 to r channels, each filtered along its columns and its rows, 1×1 to the filters.

    r · (in + rows + columns + out) weights, by alternating least squares from the singular vectors of each unfolding (Lebedev
    et al. 2015). The four factors of a component share its norm evenly. There is no best CP to find, only a good one, and deep
    nets of it can be hard to tune, as the paper says: Tucker2 is the safer choice.

    iterations: at most so many; a layer of 512 × 512 filters takes minutes for them.
    """

    iterations: Annotated[int, Field(ge=1)] = 100

    def takes(self, layer: nn.Module) -> bool:
        return is_convolution(layer) and not is_pointwise(layer)

    def matrices(self, weight: Tensor) -> list[Tensor]:
        """(out · rows) × (in · columns): the rank of any such matrix is at most the rank of the CP."""
        out, into, rows, columns = weight.shape
        return [weight.transpose(1, 2).reshape(out * rows, into * columns)]

    def full(self, shape: torch.Size) -> list[int]:
        return [shape.numel() // max(shape)]

    def params(self, shape: torch.Size, ranks: list[int]) -> int:
        return ranks[0] * sum(shape)

    def edit(self, layer: str, ranks: list[int]) -> Separable:
        return Separable(layer, *ranks)

    def factors(self, weight: Tensor, ranks: list[int], seed: int) -> list[Tensor]:
        (rank,) = ranks
        tensor = exact(weight)
        if tensor.any():
            out, into, rows, columns = self._components(tensor, rank, seed)
        else:
            out, into, rows, columns = (tensor.new_zeros(side, rank) for side in weight.shape)
        return [into.T[..., None, None], rows.T[:, None, :, None], columns.T[:, None, None, :], out[..., None, None]]

    def _components(self, tensor: Tensor, rank: int, seed: int) -> list[Tensor]:
        from tensorly.decomposition import parafac  # it takes half a second to import

        # On matrices this small more threads than one take twenty times as long.
        with warnings.catch_warnings(), threadpool_limits(1, "blas"):
            # A mode that is shorter than the rank has fewer singular vectors: tensorly draws the others, and says so.
            warnings.filterwarnings("ignore", "Trying to compute SVD")
            unit = tensor / tensor.norm()
            found = parafac(unit.numpy(), rank, n_iter_max=self.iterations, random_state=seed % 2**32, l2_reg=_RIDGE).factors
        factors = [torch.tensor(factor) for factor in found]
        return _balanced([factors[0] * tensor.norm(), *factors[1:]])


def _balanced(factors: list[Tensor]) -> list[Tensor]:
    """The same components, with columns of equal norm in all factors."""
    norms = [factor.norm(dim=0) for factor in factors]
    shared = torch.stack(norms).log().mean(0).exp()
    return [factor * torch.where(norm > 0, shared / norm, 0) for factor, norm in zip(factors, norms, strict=True)]
