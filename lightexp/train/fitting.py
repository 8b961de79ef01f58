"""`fit`: train a net. The one function through which every training of the framework goes."""

import logging
import warnings
from functools import partial

import pytorch_lightning as pl
from pytorch_lightning.plugins.environments import LightningEnvironment
from torch import nn

from lightexp.data import Splits
from lightexp.distill import Teacher
from lightexp.train.checkpoint import Checkpoint
from lightexp.train.group import Alone
from lightexp.train.module import Module
from lightexp.train.plan import Epoch, Surroundings, Training
from lightexp.train.processes import Work, fit_together
from lightexp.train.teacher_logits import looking_up, pays

# Lightning announces devices and its own tips on every fit; the table of stages says what a user needs.
logging.getLogger("pytorch_lightning").setLevel(logging.WARNING)
logging.getLogger("lightning.pytorch").setLevel(logging.WARNING)

# Lightning 2.6 asks torch 2.15 in a way that torch has renamed; nothing a user could change.
warnings.filterwarnings("ignore", message=".*isinstance\\(treespec, LeafSpec\\).*")


def fit(
    model: nn.Module,
    data: Splits,
    training: Training,
    seed: int,
    teacher: Teacher | None = None,
    around: Surroundings = Surroundings(),
) -> list[Epoch]:
    """Train `model` in place and return its learning curve; equal arguments give equal bits.

    All randomness of an epoch is drawn from `seed` and its number, so a training that goes on from a checkpoint takes the very
    steps that it would have taken.

    Raises:
        TrainingError: the loss became NaN or infinite; names the epoch and the layer.
    """
    if training.epochs == 0:
        return []
    if isinstance(teacher, Teacher) and pays(data, training.loss, training.epochs):
        teacher = looking_up(teacher, data, around.keep)
    device = data.train.x.device
    train = partial(_train, model, data, training, seed, teacher)
    if around.trainer.processes > 1:
        history = fit_together(Work(train, model, around), device)
    else:
        history = train(around, Alone())
    model.to(device).eval()
    return history


def _train(
    model: nn.Module,
    data: Splits,
    training: Training,
    seed: int,
    teacher: Teacher | None,
    around: Surroundings,
    group: Alone,
) -> list[Epoch]:
    """Train `model` in this process, one of a group that trains together."""
    model.train()
    module = Module(model, data, training, seed, teacher, around, group)
    group.prepare(model)
    device = data.train.x.device
    keeps = around.checkpoint is not None and group.rank == 0
    trainer = pl.Trainer(
        accelerator="gpu" if device.type == "cuda" else "cpu",
        devices=1 if device.type == "cpu" else [device.index or 0],
        max_epochs=training.epochs,
        callbacks=[Checkpoint(around.checkpoint)] if keeps else [],
        logger=False,
        enable_checkpointing=keeps,
        enable_progress_bar=False,
        enable_model_summary=False,
        # One process, whatever runs it: that a cluster does is no business of the training.
        plugins=[LightningEnvironment()],
        num_sanity_val_steps=0,
    )
    resume = around.checkpoint if around.checkpoint and around.checkpoint.exists() else None
    # Chunks of steps are numbers: the module draws the epoch's order itself, so the loader has nothing to do.
    try:
        trainer.fit(module, train_dataloaders=range(module.chunks), ckpt_path=resume, weights_only=True if resume else None)
    except SystemExit as stopped:
        # What Lightning makes of Ctrl-C.
        raise KeyboardInterrupt from stopped
    if module.average:
        module.average.give_to(model)
    if module.best is not None:
        model.load_state_dict(module.best["state"])
    return module.history
