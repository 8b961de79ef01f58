"""What criteria want to know about a net on its training data."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils import parametrize

from lightexp.data import Splits
from lightexp.prune import Statistics
from lightexp.reparam import layers

BATCH_SIZE = 128


def gather(model: nn.Module, data: Splits, needs: frozenset[str], batches: int, seed: int) -> dict[str, Statistics]:
    """Measure what a criterion needs, layer by layer, in evaluation mode and without touching the net."""
    generator = torch.Generator().manual_seed(seed)
    gradients = _gradients(model, data, batches, generator) if "gradient" in needs else {}
    return {name: Statistics(generator, gradients.get(name)) for name in layers(model)}


def _gradients(model: nn.Module, data: Splits, batches: int, generator: torch.Generator) -> dict[str, Tensor]:
    training = model.training
    model.eval()
    order = torch.randperm(len(data.train), generator=generator)[: batches * BATCH_SIZE].to(data.train.x.device)
    chunks = order.split(BATCH_SIZE)
    total: list[Tensor] = []
    for index in chunks:
        inputs, labels = data.batch(data.train, index)
        with parametrize.cached(), torch.enable_grad():
            weights = [module.weight for module in layers(model).values()]
            grads = torch.autograd.grad(F.cross_entropy(model(inputs), labels), weights)
        total = [grad.abs() + (total[i] if total else 0) for i, grad in enumerate(grads)]
    model.train(training)
    return {name: grad / len(chunks) for name, grad in zip(layers(model), total, strict=True)}
