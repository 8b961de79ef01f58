"""What criteria want to know about a net on its training data."""

import torch
from torch import nn

from lightexp.data import Splits
from lightexp.prune import Statistics
from lightexp.reparam import layers
from lightexp.statistics.activations import batch_norm_scale, input_norm, units
from lightexp.statistics.gradients import flow_gradient, gradients, hessian_gradient
from lightexp.statistics.movement import movement
from lightexp.statistics.samples import draw

MEASURES = {
    "gradient": gradients,
    "mean_gradient": gradients,
    "squared_gradient": gradients,
    "hessian_gradient": hessian_gradient,
    "flow_gradient": flow_gradient,
    "movement": movement,
    "input_norm": input_norm,
    "unit_outputs": units,
    "zero_share": units,
    "batch_norm_scale": batch_norm_scale,
}
"""Field of `Statistics` → the function of net and samples that measures it: layer → field → tensor."""


def gather(model: nn.Module, data: Splits, needs: frozenset[str], batches: int, seed: int) -> dict[str, Statistics]:
    """Measure what a criterion needs, layer by layer, in evaluation mode and without touching the net.

    Raises:
        ConfigError: a layer takes no part in what the net does, so there is nothing to measure.
    """
    generator = torch.Generator().manual_seed(seed)
    found: dict[str, dict[str, torch.Tensor]] = {name: {} for name in layers(model)}
    if needs:
        samples = draw(data, batches, generator)
        training = model.training
        model.eval()
        for measure in dict.fromkeys(MEASURES[need] for need in sorted(needs)):
            for name, figures in measure(model, samples).items():
                found[name] |= figures
        model.train(training)
    return {name: Statistics(generator, **figures) for name, figures in found.items()}
