from typing import Annotated, Literal

import torch
from pydantic import Field
from torch import nn

from lightexp.ops.kmeans import assign, kmeans_1d
from lightexp.quantize.quantizer import LayerWeight, Probe, Quantizer
from lightexp.reparam import Codebook
from lightexp.spec import spec


@spec
class KMeans(Quantizer):
    """Weights of a layer share the centroids of a k-means of their own: min Σ_k Σ_{w∈C_k} (w − c_k)² (Han et al. 2016).

    clusters: distinct non-zero values a layer; a layer with fewer distinct weights gets as many as it has.
    start: where the centroids begin, see `lightexp.ops.kmeans.kmeans_1d`.
    """

    clusters: Annotated[int, Field(ge=1, le=65535)] = 31
    start: Literal["linear", "density", "random"] = "density"

    def fit(self, weights: dict[str, LayerWeight], seed: int, probe: Probe) -> dict[str, nn.Module]:
        return {name: self._codebook(layer, seed + index) for index, (name, layer) in enumerate(weights.items())}

    def _codebook(self, layer: LayerWeight, seed: int) -> Codebook:
        alive = layer.weight[layer.mask].double().cpu().numpy()
        codes = torch.zeros(layer.weight.shape, dtype=torch.uint8 if self.clusters < 256 else torch.int32)
        if not alive.size:
            return Codebook(codes, torch.zeros(1)).to(layer.weight.device)
        centroids = kmeans_1d(alive, self.clusters, self.start, seed)
        codes[layer.mask.cpu()] = torch.from_numpy(assign(alive, centroids) + 1).to(codes.dtype)
        return Codebook(codes, torch.from_numpy(centroids).float()).to(layer.weight.device)
