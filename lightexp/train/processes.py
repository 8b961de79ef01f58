"""Training one net in several processes."""

import io
import multiprocessing
import os
import signal
import socket
import tempfile
import threading
import traceback
import warnings
from collections.abc import Callable
from dataclasses import dataclass, replace
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import Any

import torch
import torch.distributed as dist
from torch import nn

from lightexp.errors import LightexpError, TrainingError
from lightexp.train.group import Group
from lightexp.train.plan import Epoch, Surroundings
from lightexp.train.portable import portable

START = {"cpu": "fork", "cuda": "spawn"}
"""A fork shares the data and imports nothing anew, but no forked process can use a GPU that its parent has used."""


@dataclass(frozen=True)
class Work:
    """What each process does: `train` the `model`, which knows its data, device type and all but the last two arguments."""

    train: Callable[[Surroundings, Group], list[Epoch]]
    model: nn.Module
    around: Surroundings

    def __reduce__(self) -> tuple:
        # How a spawned process gets it; a forked one has it.
        return portable(Work, self.train, self.model, Surroundings(self.around.checkpoint, trainer=self.around.trainer))


def fit_together(work: Work, device: torch.device) -> list[Epoch]:
    """Do the work in `around.trainer.processes` processes, and let `work.model` be what comes out.

    The processes end with the call, however it ends, and with this process.

    Raises:
        TrainingError, ConfigError: what one of the processes raised.
    """
    context = multiprocessing.get_context(START[device.type])
    ranks: list[tuple[BaseProcess, Connection]] = []
    with tempfile.TemporaryDirectory(prefix="lightexp-") as folder:
        try:
            for rank in range(work.around.trainer.processes):
                here, there = context.Pipe()
                process = context.Process(target=_run, args=(rank, work, device.type, f"file://{folder}/group", there))
                with warnings.catch_warnings():
                    # Python 3.12 warns of forks beside threads; these take no lock that a thread could hold.
                    warnings.simplefilter("ignore", DeprecationWarning)
                    process.start()
                there.close()
                ranks.append((process, here))
            history, state = _listen(ranks, work.around)
        finally:
            for process, _ in ranks:
                process.kill()
                process.join()
    work.model.load_state_dict(torch.load(io.BytesIO(state), weights_only=True))
    return history


def _listen(ranks: list[tuple[BaseProcess, Connection]], around: Surroundings) -> tuple[list[Epoch], bytes]:
    """Pass on what the processes tell, until the first one gives its result."""
    tellers = {connection: rank for rank, (_, connection) in enumerate(ranks)}
    while True:
        for connection in wait(list(tellers)):
            try:
                kind, content = connection.recv()
            except EOFError:
                rank = tellers[connection]
                ranks[rank][0].join()
                code = ranks[rank][0].exitcode
                raise TrainingError(
                    f"process {rank} of the training died (exit code {code}); is there memory for so many? Lower trainer.processes"
                ) from None
            match kind:
                case "epoch":
                    around.on_epoch(content)
                case "progress":
                    around.on_progress(content)
                case "failure":
                    raise content
                case "result":
                    return content


def _run(rank: int, work: Work, kind: str, meeting: str, parent: Connection) -> None:
    """What each of the processes does."""
    # Ctrl-C reaches every process; the parent ends the others.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    around = replace(work.around, on_epoch=_nothing, on_progress=_nothing)
    if rank == 0:
        around = replace(
            around,
            on_epoch=lambda epoch: parent.send(("epoch", epoch)),
            on_progress=lambda share: parent.send(("progress", share)),
        )
    try:
        if kind == "cuda":
            torch.cuda.set_device(rank)
        else:
            # The processes share the cores; besides, OpenMP's threads do not live on in a fork.
            torch.set_num_threads(1)
            # They talk to this machine alone.
            os.environ["GLOO_SOCKET_IFNAME"] = next(name for _, name in socket.if_nameindex() if name.startswith("lo"))
        size = work.around.trainer.processes
        dist.init_process_group("nccl" if kind == "cuda" else "gloo", meeting, rank=rank, world_size=size)
        history = work.train(around, Group(rank, size))
        if rank == 0:
            state = io.BytesIO()
            torch.save(work.model.state_dict(), state)
            parent.send(("result", (history, state.getvalue())))
    except BaseException as error:
        parent.send(("failure", _told(error, rank)))
    # Whoever left now would make the others fail; the parent ends them all.
    parent.poll(None)


def _told(error: BaseException, rank: int) -> LightexpError:
    """The error as one that can be sent and told in a line."""
    if not isinstance(error, LightexpError):
        lines = traceback.format_exc()
        error = TrainingError(f"process {rank} of the training: {type(error).__name__}: {str(error).partition(chr(10))[0]}")
        error.add_note(lines)
    return error


def _end_with_parent() -> None:
    wait([multiprocessing.parent_process().sentinel])
    os._exit(1)


def _nothing(told: Any) -> None:
    pass
