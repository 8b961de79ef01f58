from typing import Annotated, ClassVar, Literal

import numpy as np
import torch
from pydantic import Field
from torch import nn

from lightexp.ops.assign import assign
from lightexp.ops.kmeans import kmeans_1d
from lightexp.quantize.quantizer import LayerWeight, Probe, Quantizer
from lightexp.reparam import Codebook
from lightexp.spec import spec


@spec
class KMeans(Quantizer):
    """Weights share the centroids of a k-means on their values: min Σ_k Σ_{w∈C_k} (w − c_k)² (Han et al. 2016).

    clusters: distinct non-zero values of a codebook; fewer where there are fewer distinct weights.
    start: where the centroids begin, see `lightexp.ops.kmeans.kmeans_1d`.
    scope: a codebook for each tensor, or one for the net, whose gradient is then the sum over all layers.
    """

    moves: ClassVar[bool] = False

    clusters: Annotated[int, Field(ge=1, le=65535)] = 31
    start: Literal["linear", "density", "random", "exact"] = "density"
    scope: Literal["net", "tensor"] = "tensor"

    def fit(self, weights: dict[str, LayerWeight], seed: int, probe: Probe) -> dict[str, nn.Module]:
        if self.scope == "net":
            centroids = self._centroids(np.concatenate([_alive(layer) for layer in weights.values()]), seed)
            device = next(iter(weights.values())).weight.device
            table = nn.Parameter(torch.from_numpy(centroids).float().to(device))
            return {name: self._codebook(layer, centroids, table) for name, layer in weights.items()}
        found = {name: self._centroids(_alive(layer), seed + at) for at, (name, layer) in enumerate(weights.items())}
        return {
            name: self._codebook(layer, found[name], nn.Parameter(torch.from_numpy(found[name]).float()))
            for name, layer in weights.items()
        }

    def _centroids(self, alive: np.ndarray, seed: int) -> np.ndarray:
        return kmeans_1d(alive, self.clusters, self.start, seed) if alive.size else np.zeros(1)

    def _codebook(self, layer: LayerWeight, centroids: np.ndarray, table: nn.Parameter) -> Codebook:
        codes = torch.zeros(layer.weight.shape, dtype=torch.uint8 if self.clusters < 256 else torch.int32)
        codes[layer.mask.cpu()] = torch.from_numpy(assign(_alive(layer), centroids) + 1).to(codes.dtype)
        return Codebook(codes, table).to(layer.weight.device)


def _alive(layer: LayerWeight) -> np.ndarray:
    return layer.weight[layer.mask].float().cpu().numpy()
