"""Gradients of the loss, and of the flow, by each layer's weight."""

from collections.abc import Iterator

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.nn.utils import parametrize

from lightexp.errors import ConfigError
from lightexp.reparam import layers
from lightexp.statistics.flow import absolute_flow
from lightexp.statistics.samples import Figures, Samples


def gradients(model: nn.Module, samples: Samples) -> Figures:
    """The means over batches of |g|, g and g², g the gradient of a batch's mean loss."""
    sums = {name: [torch.zeros_like(module.weight).detach() for _ in range(3)] for name, module in layers(model).items()}
    for loss, weights in _losses(model, samples):
        for name, grad in _derivatives(loss, weights).items():
            for total, part in zip(sums[name], (grad.abs(), grad, grad.square()), strict=True):
                total += part
    fields = ("gradient", "mean_gradient", "squared_gradient")
    return {name: {f: total / len(samples) for f, total in zip(fields, totals, strict=True)} for name, totals in sums.items()}


def hessian_gradient(model: nn.Module, samples: Samples) -> Figures:
    """H·g of the mean loss L over the batches: once through them for g = ∂L/∂w, once more for ∂(g·∂L/∂w)/∂w, g held still."""
    mean = {name: figures["mean_gradient"] for name, figures in gradients(model, samples).items()}
    sums = {name: torch.zeros_like(g) for name, g in mean.items()}
    # The fused kernels of attention cannot be differentiated twice.
    with sdpa_kernel(SDPBackend.MATH):
        for loss, weights in _losses(model, samples):
            grads = _derivatives(loss, weights, create_graph=True)
            dot = sum((grads[name] * g).sum() for name, g in mean.items())
            second = torch.autograd.grad(dot, list(weights.values()), materialize_grads=True)
            for total, part in zip(sums.values(), second, strict=True):
                total += part
    return {name: {"hessian_gradient": total / len(samples)} for name, total in sums.items()}


def flow_gradient(model: nn.Module, samples: Samples) -> Figures:
    """∂R/∂|w|, R the sum of what the net answers to ones when all its parameters and statistics are made absolute.

    Nothing but the shape of the samples is looked at. In float64, on a copy (see `absolute_flow`).
    """
    net, flow = absolute_flow(model, samples.data.input_shape, samples.data.train.x.device)
    weights = {name: module.weight for name, module in layers(net).items()}
    return {name: {"flow_gradient": grad} for name, grad in _derivatives(flow, weights).items()}


def _losses(model: nn.Module, samples: Samples) -> Iterator[tuple[Tensor, dict[str, Tensor]]]:
    """The mean cross-entropy of each batch, and the weights that went into it."""
    for inputs, labels in samples:
        with parametrize.cached(), torch.enable_grad():
            weights = {name: module.weight for name, module in layers(model).items()}
            yield F.cross_entropy(model(inputs), labels), weights


def _derivatives(value: Tensor, weights: dict[str, Tensor], create_graph: bool = False) -> dict[str, Tensor]:
    """∂value/∂weight, layer by layer.

    Raises:
        ConfigError: a weight is frozen, or has no part in the value.
    """
    open_ = {name: weight for name, weight in weights.items() if weight.requires_grad and value.requires_grad}
    found = torch.autograd.grad(value, list(open_.values()), create_graph=create_graph, allow_unused=True) if open_ else ()
    grads = {name: grad for name, grad in zip(open_, found, strict=True) if grad is not None}
    for name in weights:
        if name not in grads:
            raise ConfigError(
                f"layer {name} has no gradient: its weight is frozen or does not lead to the loss; "
                "choose a criterion without gradients, as magnitude"
            )
    return grads
