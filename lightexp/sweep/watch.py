"""What a person sees while the jobs of a sweep run."""

import re
import threading
import time
from collections.abc import Callable, Iterable
from types import TracebackType
from typing import Self

from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from lightexp.sweep.job import Job
from lightexp.sweep.status import Status

LOOK_SECONDS = 0.5
REFRESH_SECONDS = 30.0
"""Between two refreshes of the summary run, which draw pictures."""

MANY_DIGITS = re.compile(r"\d+\.\d{6,}(e[+-]?\d+)?")


class Watch:
    """Says when each job starts and how it ends, from the files that the jobs write, and has the summary refreshed.

    total: jobs in the sweep, for "[3/24]". On a terminal those that run are shown with the stage they are at.
    """

    def __init__(self, console: Console, total: int, refresh: Callable[[], None]) -> None:
        self.console, self.total, self.refresh = console, total, refresh
        self._numbers: dict[str, int] = {}
        self._running: dict[str, tuple[Job, Status | None]] = {}
        self._refreshed = time.monotonic()
        self._stale = False
        self._over, self._error = threading.Event(), None
        self._thread = threading.Thread(target=self._look_on, daemon=True)
        self._live = Live(console=console, transient=True, refresh_per_second=4)

    def expect(self, jobs: Iterable[tuple[int, Job]]) -> None:
        """Watch these jobs too, by their numbers in the sweep. What was told of them before is not theirs."""
        for number, job in jobs:
            (job.directory / "status.json").unlink(missing_ok=True)
            self._numbers[job.name] = number
            self._running[job.name] = (job, None)

    def __enter__(self) -> Self:
        if self.console.is_terminal:
            self._live.start()
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None) -> None:
        self._over.set()
        self._thread.join()
        if self._live.is_started:
            self._live.stop()
        if self._error and error is None:
            raise self._error

    def _look_on(self) -> None:
        try:
            while not self._over.wait(LOOK_SECONDS):
                self.look()
                if self._stale and time.monotonic() - self._refreshed > REFRESH_SECONDS:
                    self.refresh()
                    self._stale, self._refreshed = False, time.monotonic()
            self.look()
        except Exception as error:
            self._error = error

    def look(self) -> None:
        """Say what is new."""
        for name, (job, before) in list(self._running.items()):
            now = Status.read(job.directory)
            if now is None or now == before:
                continue
            if before is None or now.began != before.began:
                self._say(job, "started" if before is None else "its process died; started again")
            self._running[name] = (job, now)
            if now.ended is not None:
                self._say(job, _end(job, now))
                del self._running[name]
                self._stale = True
        if self._live.is_started:
            self._live.update(self._table())

    def _say(self, job: Job, what: str) -> None:
        title = f"[{self._numbers[job.name]}/{self.total}] {_title(job)}".rstrip()
        self.console.print(Text(f"{title}: {what}"), soft_wrap=True)

    def _table(self) -> Group:
        table = Table(box=None, pad_edge=False, show_header=False)
        running = list(self._running.values())
        for job, status in running:
            if status:
                seconds = f"{time.time() - status.began:.0f} s"
                table.add_row(_title(job), status.stage, f"{100 * status.share:.0f} %", seconds, style="dim")
        waiting = sum(status is None for _, status in running)
        return Group(table, Text(f"{waiting} waiting", style="dim"))


def _title(job: Job) -> str:
    """What tells the job from others, without the many digits of numbers that a search chose."""
    return MANY_DIGITS.sub(lambda found: f"{float(found[0]):.4g}", job.name)


def _end(job: Job, status: Status) -> str:
    seconds = f"{(status.ended or status.began) - status.began:.1f} s"
    record = job.record()
    if status.state == "finished" and record:
        error = 100 - record.val_accuracy
        return f"validation error {error:.2f} %, {record.file_bytes:,} bytes ({record.ratio:.1f}×), {seconds}"
    return f"{status.state}{f': {_short(status.error)}' if status.error else ''}"


def _short(error: str) -> str:
    return error.strip().splitlines()[-1]
