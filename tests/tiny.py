"""A chain with a stage of every kind that runs in a second, for tests of what goes on around it."""

from functools import partial
from pathlib import Path

import torch

from lightexp.data import Digits, Shift
from lightexp.distill import SoftLogits
from lightexp.experiment import Experiment, Store
from lightexp.models import MLP
from lightexp.prune import LAMP
from lightexp.quantize import KMeans
from lightexp.stages import Chain, Fit, Prune, PruneGradually, Quantize

ADAM = partial(torch.optim.Adam, lr=2e-3, fused=True)


def experiment(folder: Path, seed: int = 0, sparsity: float = 0.8, dropout: float = 0.1, **options) -> Experiment:
    """Its store and its run directory are below `folder`."""
    teacher = Chain(partial(MLP, widths=[32], dropout=dropout), {"fit": Fit(2, optimizer=ADAM)})
    fit = partial(Fit, optimizer=ADAM, loss=SoftLogits(), teacher=teacher)
    stages = {
        "train": fit(2),
        "prune": PruneGradually(sparsity, allocation=LAMP(), fit=fit(2), every=5),
        "cut": Prune(sparsity + 0.05),
        "share": Quantize(KMeans(7)),
        "tune": fit(1),
    }
    options = {"store": Store(folder / "store"), "directory": folder / "run", "control": False} | options
    data = Digits(augment={"shift": Shift(1)})
    return Experiment(data, partial(MLP, widths=[24], dropout=dropout), stages, seed=seed, **options)
