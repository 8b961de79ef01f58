"""The state of a training, kept on disk in case the process dies."""

import os
import time
from pathlib import Path

import pytorch_lightning as pl

from lightexp.errors import StoreError

SECONDS_BETWEEN = 10.0
"""Work that a crash may cost; saving after every epoch would slow small nets down."""


class Checkpoint(pl.callbacks.Checkpoint):
    """Keeps the end of the last epoch, at most once in `SECONDS_BETWEEN`; a crash while writing leaves the one before.

    Only a callback of this base class is called behind the module's own hook, when the epoch is part of its history.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._last = time.monotonic()

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        if time.monotonic() - self._last < SECONDS_BETWEEN:
            return
        unfinished = self.path.with_suffix(f".{os.getpid()}")
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            trainer.save_checkpoint(unfinished)
            os.replace(unfinished, self.path)
        except OSError as error:
            raise StoreError(f"{self.path.parent} cannot be written: {error.strerror}; free space or rights there") from error
        finally:
            unfinished.unlink(missing_ok=True)
        self._last = time.monotonic()
