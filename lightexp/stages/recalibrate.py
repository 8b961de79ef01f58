"""Normalisation that fits the weights again."""

from itertools import islice
from typing import Annotated

import torch
from pydantic import Field
from torch import nn
from torch.nn.utils import parametrize

from lightexp.spec import spec
from lightexp.stages.stage import Context, Stage
from lightexp.statistics.samples import BATCH_SIZE, draw

NORMS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d, nn.SyncBatchNorm)


@spec
class Recalibrate(Stage):
    """Measure the mean and variance of every batch normalisation anew, since a cut or a quantization has moved them.

    μ = (1/B)·Σ_b μ_b and σ² = (1/B)·Σ_b σ_b² over B training batches of 128 samples, drawn from the stage's seed; σ_b² is the
    unbiased variance of batch b (Ioffe & Szegedy 2015, section 3.1). All else is in evaluation mode and no weight changes. A
    net without batch normalisation stays as it is, so that one schedule serves all nets.

    batches: B, or as many whole ones as there are.
    """

    batches: Annotated[int, Field(ge=1)] = 20

    @torch.no_grad()
    def __call__(self, model: nn.Module, context: Context) -> nn.Module:
        norms = [module for module in model.modules() if isinstance(module, NORMS) and module.track_running_stats]
        if not norms:
            return model
        momenta = [module.momentum for module in norms]
        model.eval()
        for module in norms:
            module.reset_running_stats()
            module.momentum = None  # the mean of all batches, each counting alike
            module.train()
        samples = draw(context.data, self.batches, torch.Generator().manual_seed(context.seed))
        whole = max(1, len(samples.order) // BATCH_SIZE)
        with parametrize.cached():
            for inputs, _ in islice(samples, whole):
                model(inputs)
        for module, momentum in zip(norms, momenta, strict=True):
            module.momentum = momentum
        return model.eval()
