"""How a job is doing, told in a file of its directory: whatever starts the jobs, and wherever, the sweep can read it."""

import json
import os
import socket
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from lightexp.compose.errors import explain
from lightexp.errors import Hopeless
from lightexp.experiment import Observer
from lightexp.experiment.write import write_whole

FILE = "status.json"
SECONDS_BETWEEN = 1.0
"""Progress that is told more often is not read."""


@dataclass(frozen=True)
class Status:
    """state: running, finished, failed, hopeless or interrupted. error: what went wrong, in one line where it was foreseen.

    began, ended: Unix time. stage, share: what it is at, and how far that has come, 0 … 1. host, pid: who writes this.
    """

    state: str = "running"
    error: str | None = None
    stage: str = ""
    share: float = 0.0
    began: float = field(default_factory=time.time)
    ended: float | None = None
    host: str = field(default_factory=socket.gethostname)
    pid: int = field(default_factory=os.getpid)

    def write(self, directory: Path) -> "Status":
        write_whole(directory / FILE, json.dumps(asdict(self)).encode())
        return self

    @classmethod
    def read(cls, directory: Path) -> "Status | None":
        path = directory / FILE
        return cls(**json.loads(path.read_text())) if path.exists() else None


class Told(Observer):
    """Writes the status of a job while it runs."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.status = Status().write(directory)
        self._last = time.monotonic()

    def progress(self, chain: str, stage: str, share: float) -> None:
        title = stage if chain == "student" else f"{chain}: {stage}"
        if title != self.status.stage or time.monotonic() - self._last > SECONDS_BETWEEN:
            self.status = replace(self.status, stage=title, share=share).write(self.directory)
            self._last = time.monotonic()

    def end(self, state: str, error: str | None = None) -> None:
        replace(self.status, state=state, error=error, ended=time.time()).write(self.directory)


@contextmanager
def told(directory: Path) -> Iterator[Told]:
    """Tell how the block ends. Its errors go no further: the other jobs of the sweep have nothing to do with them."""
    observer = Told(directory)
    try:
        yield observer
        observer.end("finished")
    except Hopeless as error:
        observer.end("hopeless", str(error))
    except Exception as error:
        observer.end("failed", explain(error) or traceback.format_exc())
    except BaseException:
        observer.end("interrupted")
        raise
