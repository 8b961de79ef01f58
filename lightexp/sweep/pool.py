"""Processes on this machine that run jobs, and outlive the death of any of them but not that of the one that started them.

joblib's processes do neither: when one is killed it stops them all, and when their parent is, they go on with the queue.
"""

import os
import signal
import threading
import traceback
from collections import Counter, deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from multiprocessing import get_context, parent_process
from multiprocessing.connection import Connection, wait
from typing import Any

import cloudpickle

from lightexp.compose.errors import explain
from lightexp.compose.resolvers import cores
from lightexp.errors import JobError
from lightexp.sweep.execution import Execution
from lightexp.sweep.signals import interrupt_on_signals

ATTEMPTS = 2
"""Times that a job is started if its process is killed: what kills it twice, such as its want of memory, would do so again."""
GRACE_SECONDS = 20.0
"""For a process to write down that it was interrupted."""


class Pool:
    """So many processes, the cores shared out between them. They are started when there is work, and kept until `close`."""

    def __init__(self, execution: Execution, processes: int) -> None:
        self.execution, self.processes = cloudpickle.dumps(execution), max(1, processes)
        self.jobs: list[Sequence[str]] = []
        self.first = 0
        self.waiting: deque[int] = deque()
        self.attempts: Counter[int] = Counter()
        self.errors: list[Exception | None] = []
        self.workers: list[_Worker] = []

    def run(self, jobs: Sequence[Sequence[str]], first: int) -> list[Exception | None]:
        """Run jobs of these overrides, numbered from `first`; for each what went wrong, or None."""
        self.jobs, self.first = list(jobs), first
        self.waiting, self.attempts, self.errors = deque(range(len(jobs))), Counter(), [None] * len(jobs)
        while self.waiting or any(worker.job is not None for worker in self.workers):
            self._hand_out()
            busy = {worker.connection: worker for worker in self.workers if worker.job is not None}
            for connection in wait(list(busy)):
                self._hear(busy[connection])
        return self.errors

    def close(self) -> None:
        """End the processes, those that are at work as by an interrupt."""
        for worker in self.workers:
            worker.stop()
        for worker in self.workers:
            worker.bury()
        self.workers = []

    def _hand_out(self) -> None:
        idle = [worker for worker in self.workers if worker.job is None]
        while self.waiting and (idle or len(self.workers) < self.processes):
            if not idle:
                with _threads(max(1, cores() // self.processes)):
                    idle = [_Worker(self.execution)]
                self.workers += idle
            worker = idle.pop()
            job = self.waiting.popleft()
            self.attempts[job] += 1
            worker.give(job, (self.jobs[job], self.first + job))

    def _hear(self, worker: "_Worker") -> None:
        """A job has ended, or its process has."""
        job = worker.job
        assert job is not None
        try:
            error = worker.connection.recv()
            self.errors[job] = JobError(error) if error else None
        except (EOFError, ConnectionResetError):
            self.workers.remove(worker)
            how = worker.bury()
            if self.attempts[job] < ATTEMPTS:
                self.waiting.appendleft(job)
            else:
                self.errors[job] = JobError(f"its process {how}, {ATTEMPTS} times; killed by the system for want of memory?")
        worker.job = None


@contextmanager
def _threads(count: int) -> Iterator[None]:
    """Give each process that is started in the block so many threads, unless the user said how many."""
    said = os.environ.get("OMP_NUM_THREADS")
    os.environ.setdefault("OMP_NUM_THREADS", str(count))
    try:
        yield
    finally:
        if said is None:
            del os.environ["OMP_NUM_THREADS"]


class _Worker:
    """A process and the job that it is at."""

    def __init__(self, execution: bytes) -> None:
        spawn = get_context("spawn")
        self.connection, theirs = spawn.Pipe()
        self.process = spawn.Process(target=_serve, args=(theirs, execution))
        self.process.start()
        # Only the process itself may hold its end, which then closes when it dies.
        theirs.close()
        self.job: int | None = None

    def give(self, job: int, arguments: Any) -> None:
        self.job = job
        # One that died while it was idle is found dead when its answer is awaited.
        with suppress(BrokenPipeError):
            self.connection.send(arguments)

    def stop(self) -> None:
        """End it, at once if it is idle, else as by an interrupt."""
        self.connection.close()
        if self.job is not None:
            self.process.terminate()

    def bury(self) -> str:
        """Wait for its end, for a while; how it ended."""
        self.process.join(GRACE_SECONDS)
        if self.process.is_alive():
            self.process.kill()
            self.process.join()
        code = self.process.exitcode or 0
        return f"was killed by {signal.Signals(-code).name}" if code < 0 else f"ended with exit code {code}"


def _serve(connection: Connection, execution: bytes) -> None:
    """The life of a worker: a job at a time, until there is nobody to ask for one."""
    interrupt_on_signals()
    threading.Thread(target=_end_with_parent, daemon=True).start()
    with suppress(EOFError, KeyboardInterrupt, ConnectionResetError, BrokenPipeError):
        call = cloudpickle.loads(execution)
        while True:
            overrides, number = connection.recv()
            connection.send(_error_of(call, overrides, number))


def _error_of(call: Execution, overrides: Sequence[str], number: int) -> str | None:
    try:
        call(overrides, number)
    except Exception as error:
        return explain(error) or traceback.format_exc()
    return None


def _end_with_parent() -> None:
    parent = parent_process()
    assert parent is not None
    wait([parent.sentinel])
    os.kill(os.getpid(), signal.SIGTERM)
    threading.Event().wait(GRACE_SECONDS)
    os._exit(1)
