"""What quantizers want to know about a net on its training data."""

import copy
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn import functional as F
from torch.nn.attention import SDPBackend, sdpa_kernel

from lightexp.data import Splits
from lightexp.reparam import layers, mask_of, strip
from lightexp.statistics.samples import Samples, draw


@dataclass(frozen=True)
class DataProbe:
    """A `lightexp.quantize.Probe` on some training batches, with a plain copy of the net in evaluation mode.

    batches: of 128 samples each, drawn by the seed. Nothing is copied or computed before it is asked for.
    """

    model: nn.Module
    data: Splits
    batches: int
    seed: int

    @cached_property
    def _plain(self) -> nn.Module:
        return strip(copy.deepcopy(self.model)).eval()

    def _samples(self) -> Samples:
        return draw(self.data, self.batches, torch.Generator().manual_seed(self.seed))

    def _loss(self, batch: tuple[Tensor, Tensor], weights: dict[str, Tensor]) -> Tensor:
        inputs, labels = batch
        given = {f"{name}.weight": weight for name, weight in weights.items()}
        return F.cross_entropy(functional_call(self._plain, given, (inputs,)), labels)

    @torch.no_grad()
    def loss(self, weights: dict[str, Tensor]) -> float:
        """Mean cross-entropy, in nats."""
        losses = [(float(self._loss(batch, weights)), len(batch[1])) for batch in self._samples()]
        return sum(loss * count for loss, count in losses) / sum(count for _, count in losses)

    def hessian_trace(self) -> dict[str, float]:
        """Tr H ≈ mean of vᵀHv over batches, a vector of random signs for each (Hutchinson 1990; HAWQ-V2, Dong et al. 2020).

        One v for all layers: between layers vᵢᵀHᵢⱼvⱼ is 0 on average.
        """
        generator = torch.Generator().manual_seed(self.seed)
        masks = {name: mask_of(module) for name, module in layers(self.model).items()}
        sums, samples = dict.fromkeys(masks, 0.0), self._samples()
        for batch in samples:
            weights = {name: module.weight.detach().requires_grad_() for name, module in layers(self._plain).items()}
            with torch.enable_grad(), sdpa_kernel(SDPBackend.MATH):  # the fused kernels have no second derivative
                grads = torch.autograd.grad(self._loss(batch, weights), list(weights.values()), create_graph=True)
                signs = [_signs(mask, generator) for mask in masks.values()]
                along = sum((grad * sign).sum() for grad, sign in zip(grads, signs, strict=True))
                products = torch.autograd.grad(along, list(weights.values()), materialize_grads=True)
            for name, sign, product in zip(masks, signs, products, strict=True):
                sums[name] += float((sign * product).sum()) / len(samples)
        return sums


def _signs(mask: Tensor, generator: torch.Generator) -> Tensor:
    """±1 where the mask is True, 0 elsewhere; drawn on the CPU, so that every device gets the same."""
    drawn = torch.randint(2, mask.shape, generator=generator).to(mask.device)
    return (2 * drawn - 1).float() * mask
