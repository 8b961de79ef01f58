import torch
from torch import Tensor, nn

from lightexp.factorize.factorization import Factorization, exact, is_convolution, is_linear
from lightexp.spec import spec
from lightexp.surgery import LowRank


@spec
class SVD(Factorization):
    """W ≈ (U_r √S_r)(√S_r V_rᵀ), the nearest matrix of rank r: layers of in → r and r → out, r·(in + out) weights.

    For linear layers (Xue et al. 2013, Denton et al. 2014). A convolution counts as the matrix of out × (in · rows · columns):
    its kernel into r channels, then 1×1 (Zhang et al. 2015).
    """

    def takes(self, layer: nn.Module) -> bool:
        return is_linear(layer) or is_convolution(layer)

    def matrices(self, weight: Tensor) -> list[Tensor]:
        return [weight.flatten(1)]

    def params(self, shape: torch.Size, ranks: list[int]) -> int:
        return ranks[0] * (shape[0] + shape[1:].numel())

    def edit(self, layer: str, ranks: list[int]) -> LowRank:
        return LowRank(layer, *ranks)

    def factors(self, weight: Tensor, ranks: list[int], seed: int) -> list[Tensor]:
        (rank,) = ranks
        u, s, vt = torch.linalg.svd(exact(weight).flatten(1), full_matrices=False)
        root = s[:rank].sqrt()
        first, second = root[:, None] * vt[:rank], u[:, :rank] * root
        return [first.reshape(rank, *weight.shape[1:]), second.reshape(-1, rank, *[1] * (weight.dim() - 2))]
