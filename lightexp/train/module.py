"""The Lightning module behind `fit`."""

import math
import time
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict
from functools import partial
from typing import Any

import pytorch_lightning as pl
import torch
from torch import Tensor, nn

from lightexp.data import Splits
from lightexp.distill import Batch, Loss, Teacher
from lightexp.errors import TrainingError
from lightexp.measure import score
from lightexp.ops.layout import channels_last
from lightexp.train.average import Average
from lightexp.train.checkpointing import checkpointing
from lightexp.train.compiled import compiled
from lightexp.train.group import Alone
from lightexp.train.held import HeldBytes
from lightexp.train.nonfinite import first_nonfinite
from lightexp.train.parts import parts
from lightexp.train.plan import Epoch, Surroundings, Training

STEPS_PER_CHUNK = 64
"""Lightning's own work costs as much as a third of a small net's step; once every 64 steps it is not to be seen."""


class Module(pl.LightningModule):
    """Trains in chunks of steps by manual optimisation; each epoch is a pure function of the seed, its number and the state."""

    def __init__(
        self,
        model: nn.Module,
        data: Splits,
        training: Training,
        seed: int,
        teacher: Teacher | None,
        around: Surroundings,
        group: Alone,
    ) -> None:
        super().__init__()
        self.automatic_optimization = False
        self.model = model
        self.data, self.training_of, self.seed, self.teacher, self.around = data, training, seed, teacher, around
        self.group = group
        self.steps = max(1, len(data.train) // training.batch_size + (len(data.train) % training.batch_size > 1))
        self.chunks = math.ceil(self.steps / STEPS_PER_CHUNK)
        self.history: list[Epoch] = []
        self.best: dict[str, Any] | None = None
        self.held: HeldBytes | None = None
        self.own = self._begin()
        self.average = None if training.average is None else Average(model, training.average)

    def _begin(self) -> nn.Module | None:
        """The loss's own parameters, a function of the seed; a module beside the net, so that checkpoints hold them."""
        self.model.eval()
        two = self.data.batch(self.data.train, torch.arange(2))
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self.seed)
            own = self.training_of.loss.begin(two, self.model, self.teacher)
        listened, _ = self.training_of.loss.layers()
        self.layout = channels_last(self.model, two[0])
        self.model.train()
        self.segmented = checkpointing(self.model, self.around.trainer.checkpointing, two[0], listened)
        return own

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return self.training_of.optimizer([p for p in self.parameters() if p.requires_grad])

    def on_fit_start(self) -> None:
        self._optimizer = self.optimizers(use_pl_optimizer=False)
        half = self.training_of.precision == "bfloat16"
        self._autocast = partial(torch.autocast, self.device.type, torch.bfloat16) if half else nullcontext
        for group in self._optimizer.param_groups:
            group.setdefault("initial_lr", group["lr"])
        # Answers that come from inside the net are not heard where it is compiled.
        inside, _ = self.training_of.loss.layers()
        self._compiled = compiled(self.model) if self.around.trainer.compile and not inside else None
        # A training that stopped early and is resumed before its result was kept has nothing left to do.
        self.trainer.should_stop = self._has_waited()

    def on_train_epoch_start(self) -> None:
        self._began = time.perf_counter()
        torch.manual_seed(self.seed + self.current_epoch)
        self._augmenting = torch.Generator(self.device).manual_seed(self.seed + self.current_epoch)
        self._order = torch.randperm(len(self.data.train), device="cpu").to(self.device).split(self.training_of.batch_size)
        self.group.diverge(self.seed + self.current_epoch)
        self._sums: dict[str, Tensor] = {}
        self.model.train()

    def training_step(self, chunk: int, chunk_index: int) -> None:
        first = chunk * STEPS_PER_CHUNK
        for step in range(first, min(first + STEPS_PER_CHUNK, self.steps)):
            self._step(self._order[step], self.current_epoch * self.steps + step)
        self.around.on_progress((self.current_epoch + (chunk + 1) / self.chunks) / self.training_of.epochs)

    def _step(self, index: Tensor, step: int) -> None:
        steps = self.steps * self.training_of.epochs
        if self.training_of.before_step:
            self.training_of.before_step(self.model, step, steps)
        for group in self._optimizer.param_groups:
            group["lr"] = group["initial_lr"] * self.training_of.rate(step / steps)
        batch = Batch(*self.data.augmented_batch(index, self._augmenting))
        self._optimizer.zero_grad()
        loss = self.training_of.loss.at(step / steps)
        with self._counting(batch):
            for part, share in parts(batch, self.training_of.accumulate):
                self._learn(loss, part, share)
        self.group.add_up(p.grad for p in self.parameters() if p.grad is not None)
        if self.training_of.clip is not None:
            nn.utils.clip_grad_norm_(self.parameters(), self.training_of.clip)
        if self.training_of.after_backward:
            self.training_of.after_backward(self.model, step, steps)
        self._optimizer.step()
        if self.average:
            self.average.update(self.model, step)

    def _counting(self, batch: Batch) -> AbstractContextManager:
        """In the first step of the fit what counts the bytes that autograd holds, later on nothing."""
        if self.held or self.history:
            return nullcontext()
        self.held = HeldBytes([*self.parameters(), *self.buffers(), *batch[:2]])
        return self.held

    def _learn(self, loss: Loss, batch: Batch, share: float) -> None:
        """Add the gradient of a part of the step's batch, which counts for that share of it."""
        batch, own_share = self.group.share(batch)
        share *= own_share
        own = () if self.own is None else (self.own,)
        # A compiled net finds its own layout, and would be compiled again for the hook.
        with self._autocast(), self.segmented, nullcontext() if self._compiled else self.layout:
            value, logged = loss(batch, self._compiled or self.model, self.teacher, *own)
        # On a GPU this would wait for every step, so there the epoch's end notices instead.
        if value.device.type == "cpu" and not math.isfinite(value.item()):
            self._refuse(batch[0])
        value.backward(value.new_full((), share))
        for name, figure in {"loss": value.detach(), **logged}.items():
            if name not in self._sums:
                self._sums[name] = torch.zeros_like(figure, dtype=torch.float32)
            self._sums[name].add_(figure, alpha=share)

    def on_train_epoch_end(self) -> None:
        self.group.add_up(self._sums.values())
        means = {name: float(total) / self.steps for name, total in self._sums.items()}
        step_seconds = (time.perf_counter() - self._began) / self.steps
        with self.average.shown_by(self.model) if self.average else nullcontext():
            self._end_epoch(means, step_seconds)

    def _end_epoch(self, means: dict[str, float], step_seconds: float) -> None:
        """Validate, and look whether this is the best epoch so far."""
        validation = self.group.first_says(lambda: score(self.model, self.data, self.data.val))
        # The validation loss alone shows what the last step did.
        if not math.isfinite(means["loss"] + validation.loss):
            self._refuse(self.data.batch(self.data.train, self._order[0])[0])
        epoch = Epoch(
            number=self.current_epoch + 1,
            loss=means.pop("loss"),
            parts=means,
            val_loss=validation.loss,
            val_accuracy=validation.accuracy,
            rate=self._optimizer.param_groups[0]["lr"],
            seconds=time.perf_counter() - self._began,
            step_seconds=step_seconds,
            activation_bytes=self.held.peak if self.held else self.history[-1].activation_bytes,
        )
        self.history.append(epoch)
        self._look_for_best(epoch)
        self.around.on_epoch(epoch)

    def _look_for_best(self, epoch: Epoch) -> None:
        patience = self.training_of.patience
        if patience is None or epoch.number <= self.training_of.settled * self.training_of.epochs:
            return
        if self.best is None or epoch.val_loss < self.best["val_loss"]:
            state = {name: tensor.clone() for name, tensor in self.model.state_dict().items()}
            self.best = {"epoch": epoch.number, "val_loss": epoch.val_loss, "state": state}
        self.trainer.should_stop = self._has_waited()

    def _has_waited(self) -> bool:
        return self.best is not None and self.history[-1].number - self.best["epoch"] >= self.training_of.patience

    def _refuse(self, inputs: Tensor) -> None:
        self.group.release(self.model)
        layer = first_nonfinite(self.model, inputs)
        raise TrainingError(
            f"the loss became NaN or infinite in epoch {self.current_epoch + 1}, first in {layer}; lower the learning rate"
        )

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        checkpoint["lightexp"] = {"history": [asdict(epoch) for epoch in self.history], "best": self.best}

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        self.history = [Epoch(**epoch) for epoch in checkpoint["lightexp"]["history"]]
        self.best = checkpoint["lightexp"]["best"]
