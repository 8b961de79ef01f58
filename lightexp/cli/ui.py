"""`lightexp ui`: MLflow's own server over the store in use."""

import os
import socket
import sys
import time

from lightexp.compose.resolvers import tracking_uri
from lightexp.errors import TrackingError
from lightexp.report import dashboard, query
from lightexp.track.server import open_store
from lightexp.track.view import link, share_view

SHOWN = 3
"""Sweeps whose links are printed."""
SECONDS_BETWEEN = 0.2
"""Of asking whether the server answers."""


def serve(host: str, port: int, uri: str | None) -> None:
    """Write the views of the latest sweeps, and become the server: this process is replaced, so that an interrupt reaches it
    alone. The links are printed once it answers.

    Raises:
        TrackingError: the store cannot be opened, or the address cannot be listened on.
    """
    store = uri or tracking_uri()
    if store.startswith(("http://", "https://")):
        print("\n".join(_links(store, store)))
        return
    _probe(host, port)
    _announce([*_links(store, f"http://{host}:{port}"), "stop with Ctrl-C"], host, port)
    _become_server(store, host, port)


def _links(store: str, base: str) -> list[str]:
    client, experiment = open_store(store, "lightexp")
    share_view(client, experiment, None, ["params.seed", "params.data", "params.model", "params.schedule"])
    lines = [f"all runs: {link(base, experiment, None)}"]
    for sweep in query.sweeps(store)["sweep"][:SHOWN]:
        share_view(client, experiment, sweep, dashboard.settings(query.runs(store, sweep)))
        lines += [f"sweep {sweep}", f"  charts: {link(base, experiment, sweep, charts=True)}"]
        lines += [f"  table:  {link(base, experiment, sweep)}"]
    return lines


def _probe(host: str, port: int) -> None:
    try:
        socket.create_server((host, port)).close()
    except OSError as error:
        reason = str(error.strerror).partition(" (")[0]
        raise TrackingError(f"{host}:{port} cannot be listened on ({reason}): choose another one with --port") from error


def _announce(lines: list[str], host: str, port: int) -> None:
    """Have a child print the lines as soon as the server, which this process is about to become, answers."""
    server = os.getpid()
    if os.fork():
        return
    while os.getppid() == server:
        try:
            socket.create_connection((host, port), 1.0).close()
        except OSError:
            time.sleep(SECONDS_BETWEEN)
        else:
            print("\n".join(lines), flush=True)
            break
    os._exit(0)


def _become_server(store: str, host: str, port: int) -> None:
    # One worker and no job runner: 2 processes instead of 15, 0.55 GB instead of 2.5. Quiet, so that the links stay in sight.
    environment = os.environ | {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false", "PYTHONWARNINGS": "ignore"}
    options = {"--backend-store-uri": store, "--host": host, "--port": str(port), "--workers": "1"}
    options["--uvicorn-opts"] = "--log-level warning"
    arguments = [part for option in options.items() for part in option]
    os.execve(sys.executable, [sys.executable, "-m", "mlflow", "server", *arguments], environment)
