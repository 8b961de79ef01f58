"""Runs whose process is gone, and which nobody else will say are over."""

import os
import socket
from pathlib import Path
from typing import TYPE_CHECKING

from lightexp.track.server import open_store

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run


def bury(uri: str, sweep: str, experiment: str = "lightexp") -> None:
    """Mark the sweep's runs KILLED that say RUNNING and have no process. One that lives after all says so when it ends."""
    client, experiment_id = open_store(uri, experiment)
    for run in client.search_runs([experiment_id], f"attributes.status = 'RUNNING' and tags.sweep = '{sweep}'"):
        if not lives(run):
            mark(client, run, "its process died")


def mark(client: "MlflowClient", run: "Run", reason: str) -> None:
    client.set_tag(run.info.run_id, "failure", reason)
    client.set_terminated(run.info.run_id, "KILLED")


def this_process() -> dict[str, str]:
    """Tags of a run that tell its process from all others: pids come again, and in containers soon."""
    return {"host": socket.gethostname(), "pid": f"{os.getpid()}@{_started(os.getpid())}"}


def lives(run: "Run") -> bool:
    """Whether the run's process is one of this machine that lives; of others nothing can be known."""
    pid, _, started = run.data.tags.get("pid", "0").partition("@")
    return run.data.tags.get("host") == socket.gethostname() and _alive(int(pid)) and started in ("", _started(int(pid)))


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return pid > 0


def _started(pid: int) -> str:
    """When the process started, in ticks since the machine did, where the system tells (Linux)."""
    status = Path(f"/proc/{pid}/stat")
    return status.read_text().rpartition(")")[2].split()[19] if status.exists() else ""
