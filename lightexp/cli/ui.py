"""`lightexp ui`: MLflow's own server over the store in use."""

import os
import socket
import sys

from lightexp.compose.resolvers import tracking_uri
from lightexp.errors import TrackingError
from lightexp.report import dashboard, query
from lightexp.track.server import open_store
from lightexp.track.view import link, share_view

SHOWN = 3
"""Sweeps whose links are printed."""


def serve(host: str, port: int, uri: str | None) -> None:
    """Write the views of the latest sweeps, print their links, and become the server: this process is replaced, so that an
    interrupt reaches it alone.

    Raises:
        TrackingError: the store cannot be opened, or the address cannot be listened on.
    """
    store = uri or tracking_uri()
    local = not store.startswith(("http://", "https://"))
    if local:
        _probe(host, port)
    client, experiment = open_store(store, "lightexp")
    base = f"http://{host}:{port}" if local else store
    share_view(client, experiment, None, ["params.seed", "params.data", "params.model", "params.schedule"])
    print(f"all runs: {link(base, experiment, None)}")
    for sweep in query.sweeps(store)["sweep"][:SHOWN]:
        share_view(client, experiment, sweep, dashboard.settings(query.runs(store, sweep)))
        print(f"sweep {sweep}\n  charts: {link(base, experiment, sweep, charts=True)}")
        print(f"  table:  {link(base, experiment, sweep)}")
    if local:
        print("stop with Ctrl-C", flush=True)
        _become_server(store, host, port)


def _probe(host: str, port: int) -> None:
    try:
        socket.create_server((host, port)).close()
    except OSError as error:
        raise TrackingError(
            f"{host}:{port} cannot be listened on ({error.strerror}): choose another one with --port"
        ) from error


def _become_server(store: str, host: str, port: int) -> None:
    # One worker and no job runner: 2 processes instead of 15, 0.55 GB instead of 2.5. Quiet, so that the links stay in sight.
    environment = os.environ | {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false", "MLFLOW_LOGGING_LEVEL": "WARNING"}
    options = {"--backend-store-uri": store, "--host": host, "--port": str(port), "--workers": "1"}
    options["--uvicorn-opts"] = "--log-level warning"
    arguments = [part for option in options.items() for part in option]
    os.execve(sys.executable, [sys.executable, "-m", "mlflow", "server", *arguments], environment)
