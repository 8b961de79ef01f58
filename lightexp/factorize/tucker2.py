from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor, nn

from lightexp.factorize.factorization import Factorization, exact, is_convolution, is_pointwise
from lightexp.spec import spec
from lightexp.surgery import Bottleneck


@spec
class Tucker2(Factorization):
    """W_oixy ≈ Σ_pq C_pqxy · A_op · B_iq: 1×1 to r_in channels, the kernel to r_out, 1×1 to the filters (Kim et al. 2016).

    in · r_in + rows · columns · r_in · r_out + r_out · out weights. A, B and the core C by higher-order orthogonal iteration
    from the singular vectors of both unfoldings. The paper's ranks are variational Bayes's; here they are `RankChoice`'s.

    iterations: at most so many.
    """

    iterations: Annotated[int, Field(ge=1)] = 100

    def takes(self, layer: nn.Module) -> bool:
        return is_convolution(layer) and not is_pointwise(layer)

    def matrices(self, weight: Tensor) -> list[Tensor]:
        return [weight.transpose(0, 1).flatten(1), weight.flatten(1)]

    def params(self, shape: torch.Size, ranks: list[int]) -> int:
        rank_in, rank_out = ranks
        return shape[1] * rank_in + shape[2:].numel() * rank_in * rank_out + rank_out * shape[0]

    def edit(self, layer: str, ranks: list[int]) -> Bottleneck:
        return Bottleneck(layer, *ranks)

    def factors(self, weight: Tensor, ranks: list[int], seed: int) -> list[Tensor]:
        from tensorly.decomposition import partial_tucker  # it takes half a second to import

        rank_in, rank_out = ranks
        tensor = exact(weight)
        if not tensor.any():
            return [tensor.new_zeros(shape) for shape in self._shapes(weight.shape, ranks)]
        (core, (out, into)), _ = partial_tucker(
            tensor.numpy(), [rank_out, rank_in], modes=[0, 1], n_iter_max=self.iterations, random_state=seed % 2**32
        )
        found = (into.T, core, out)
        return [
            torch.tensor(factor).reshape(shape) for factor, shape in zip(found, self._shapes(weight.shape, ranks), strict=True)
        ]

    @staticmethod
    def _shapes(shape: torch.Size, ranks: list[int]) -> list[tuple[int, ...]]:
        rank_in, rank_out = ranks
        return [(rank_in, shape[1], 1, 1), (rank_out, rank_in, *shape[2:]), (shape[0], rank_out, 1, 1)]
