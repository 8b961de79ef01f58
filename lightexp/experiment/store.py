"""The stage store: outputs of stages under their content addresses."""

import io
import json
import os
import pickle
import shutil
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from filelock import FileLock, Timeout

from lightexp.errors import StoreError
from lightexp.spec import digest

if TYPE_CHECKING:
    from torch import Tensor

CLOCK_SECONDS = 0.2


@dataclass(frozen=True)
class Entry:
    """A stored stage, or what a teacher said: when it was made (Unix time), its size, and the run directories that used it."""

    key: str
    folder: Path
    made: float
    size_bytes: int
    stage: str
    net: str
    users: list[Path]


class Store:
    """A folder of entries, each written under another name and then renamed, so that an entry is whole or absent.

    <root>/stages/<key>/    net.pt (torch), stage.json (row, curve, description), users/ (a file a run);
                            of a teacher's logits array.f32 in place of net.pt
    <root>/partial/<key>/   the last epoch of a training under way
    <root>/locks/<key>      held by the process that computes the stage; a dead process holds nothing
    """

    def __init__(self, root: str | Path) -> None:
        self.root = Path(root).absolute()

    def probe(self, needed_bytes: int) -> None:
        """Find out now whether so much can be kept, not after an hour of training.

        Raises:
            StoreError: the disk is full or read-only, or the root is no folder.
        """
        with self._explained():
            for folder in ("stages", "partial", "locks"):
                (self.root / folder).mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=self.root / "partial") as probe:
                probe.write(bytes(4096))
                probe.flush()
            free = shutil.disk_usage(self.root).free
            if free < needed_bytes:
                raise OSError(f"{free / 1e6:.1f} MB are free and the stages of this run need about {needed_bytes / 1e6:.1f} MB")

    def has(self, key: str) -> bool:
        return (self.root / "stages" / key).is_dir()

    def summary(self, key: str) -> dict[str, Any]:
        """What is known of a stored stage, without its tensors."""
        with self._explained():
            return json.loads((self.root / "stages" / key / "stage.json").read_text())

    def load(self, key: str) -> dict[str, Any]:
        """The tensors of a stored stage."""
        import torch

        path = self.root / "stages" / key / "net.pt"
        with self._explained():
            content = path.read_bytes()
        try:
            return torch.load(io.BytesIO(content), weights_only=True)
        except (RuntimeError, EOFError, pickle.UnpicklingError) as error:
            raise self._damaged(path) from error

    def put(self, key: str, net: dict[str, Any], summary: dict[str, Any]) -> None:
        """Keep the output of a stage; from then on `has` the key."""
        import torch

        content = io.BytesIO()
        torch.save(net, content)
        with self._entry_of(key, summary) as folder:
            (folder / "net.pt").write_bytes(content.getbuffer())

    def put_array(self, key: str, chunks: "Iterable[Tensor]", summary: dict[str, Any]) -> None:
        """Keep float32 numbers, as they come, in the order of `chunks`."""
        with self._entry_of(key, summary) as folder, (folder / "array.f32").open("wb") as file:
            for chunk in chunks:
                file.write(chunk.numpy())
                os.utime(folder)  # so that `leftovers` leaves alone what takes long

    def array(self, key: str, rows: int, columns: int) -> "Tensor":
        """The numbers that were put under the key, in memory that is mapped to the file and so shared by all processes."""
        import torch

        path = self.root / "stages" / key / "array.f32"
        with self._explained():
            whole = path.stat().st_size == 4 * rows * columns
        if not whole:
            raise self._damaged(path)
        return torch.from_file(str(path), size=rows * columns, dtype=torch.float32).view(rows, columns)

    def _damaged(self, path: Path) -> StoreError:
        return StoreError(f"the stored stage {path.parent} is damaged: remove that folder and run again")

    @contextmanager
    def _entry_of(self, key: str, summary: dict[str, Any]) -> Iterator[Path]:
        """A folder to write to, which becomes the entry at the end of the block, and is gone if that fails. The last epoch of its
        training goes when the entry stands."""
        unfinished = self.root / "partial" / f"{key}-{os.getpid()}"
        with self._explained():
            try:
                shutil.rmtree(unfinished, ignore_errors=True)  # of a dead process that had this number
                unfinished.mkdir(parents=True)
                yield unfinished
                (unfinished / "stage.json").write_text(json.dumps(summary))
                (unfinished / "users").mkdir()
                if not self.has(key):
                    os.replace(unfinished, self.root / "stages" / key)
                shutil.rmtree(self.checkpoint(key).parent, ignore_errors=True)
            finally:
                shutil.rmtree(unfinished, ignore_errors=True)

    def checkpoint(self, key: str) -> Path:
        """Where the training of a stage may keep its last epoch."""
        return self.root / "partial" / key / "epoch.ckpt"

    @contextmanager
    def lock(self, key: str, waiting: Any = lambda: None) -> Iterator[None]:
        """Hold a key; `waiting` is called once if another process holds it."""
        lock = FileLock(self.root / "locks" / key)
        with self._explained():
            try:
                lock.acquire(timeout=0)
            except Timeout:
                waiting()
                lock.acquire(poll_interval=CLOCK_SECONDS)
        try:
            yield
        finally:
            lock.release()

    def use(self, keys: list[str], directory: Path) -> None:
        """Note that a run directory rests on these entries."""
        for key in filter(self.has, keys):
            with self._explained():
                note = self.root / "stages" / key / "users" / digest(str(directory))[:16]
                note.write_text(str(directory.absolute()))

    def entries(self) -> list[Entry]:
        """All entries, the newest first."""
        folders = [folder for folder in self._stages() if (folder / "stage.json").exists()]
        return sorted(map(self._entry, folders), key=lambda entry: -entry.made)

    def _stages(self) -> list[Path]:
        stages = self.root / "stages"
        return list(stages.iterdir()) if stages.is_dir() else []

    def _entry(self, folder: Path) -> Entry:
        summary = json.loads((folder / "stage.json").read_text())
        return Entry(
            key=folder.name,
            folder=folder,
            made=(folder / "stage.json").stat().st_mtime,
            size_bytes=sum(file.stat().st_size for file in folder.rglob("*") if file.is_file()),
            stage=summary["row"]["stage"],
            net=summary["net"],
            users=[Path(note.read_text()) for note in (folder / "users").iterdir()],
        )

    def remove(self, entry: Entry) -> None:
        """Whole or not at all, as it was written."""
        gone = self.root / "partial" / f"{entry.key}-gone-{os.getpid()}"
        with self._explained():
            gone.parent.mkdir(exist_ok=True)
            os.replace(entry.folder, gone)
            shutil.rmtree(gone)

    def leftovers(self, older_seconds: float) -> list[Path]:
        """What dead processes left half done, if nothing has touched it for so long."""
        partial = self.root / "partial"
        found = list(partial.iterdir()) if partial.is_dir() else []
        return [path for path in found if time.time() - path.stat().st_mtime > older_seconds]

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except (OSError, json.JSONDecodeError) as error:
            reason = getattr(error, "strerror", None) or str(error)
            raise StoreError(
                f"the stage store {self.root} cannot be used: {reason}; free space or rights there, or choose another with cache.root="
            ) from error
