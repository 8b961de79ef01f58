"""What criteria want to know about a net on its training data."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils import parametrize

from lightexp.data import Splits
from lightexp.prune import Statistics
from lightexp.reparam import layers

BATCH_SIZE = 128


GRADIENTS = ("gradient", "mean_gradient", "squared_gradient")


def gather(model: nn.Module, data: Splits, needs: frozenset[str], batches: int, seed: int) -> dict[str, Statistics]:
    """Measure what a criterion needs, layer by layer, in evaluation mode and without touching the net."""
    generator = torch.Generator().manual_seed(seed)
    found = _gradients(model, data, batches, generator) if needs & set(GRADIENTS) else {}
    return {name: Statistics(generator, *found.get(name, ())) for name in layers(model)}


def sample(data: Splits, batches: int, generator: torch.Generator) -> list[Tensor]:
    """Indices of training samples drawn without return, in batches of 128; fewer where there are no more samples."""
    order = torch.randperm(len(data.train), generator=generator)[: batches * BATCH_SIZE].to(data.train.x.device)
    return list(order.split(BATCH_SIZE))


def _gradients(
    model: nn.Module, data: Splits, batches: int, generator: torch.Generator
) -> dict[str, tuple[Tensor, Tensor, Tensor]]:
    """For each layer the means over batches of |g|, g and g², g the gradient of a batch's mean loss."""
    training = model.training
    model.eval()
    chunks = sample(data, batches, generator)
    sums = {
        name: [torch.zeros_like(module.weight, requires_grad=False) for _ in GRADIENTS]
        for name, module in layers(model).items()
    }
    for index in chunks:
        inputs, labels = data.batch(data.train, index)
        with parametrize.cached(), torch.enable_grad():
            weights = [module.weight for module in layers(model).values()]
            grads = torch.autograd.grad(F.cross_entropy(model(inputs), labels), weights)
        for totals, grad in zip(sums.values(), grads, strict=True):
            for total, part in zip(totals, (grad.abs(), grad, grad.square()), strict=True):
                total += part
    model.train(training)
    return {name: tuple(total.detach() / len(chunks) for total in totals) for name, totals in sums.items()}
