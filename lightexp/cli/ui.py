"""`lightexp ui`: MLflow's own server over the store in use."""

import os
import sys

from lightexp.compose.resolvers import tracking_uri
from lightexp.report.query import sweeps
from lightexp.track.server import open_store
from lightexp.track.view import link, share_view

SHOWN = 3
"""Sweeps whose link is printed."""


def serve(host: str, port: int, uri: str | None) -> None:
    """Become the server: this process is replaced, so that an interrupt reaches it alone."""
    store = uri or tracking_uri()
    client, experiment = open_store(store, "lightexp")
    share_view(client, experiment, None, ["params.seed", "tags.data", "tags.model", "tags.schedule"])
    if store.startswith(("http://", "https://")):
        print(f"the tracking server is {store}\nruns: {link(store, experiment, None)}")
        return
    base = f"http://{host}:{port}"
    print(f"all runs: {link(base, experiment, None)}")
    for sweep in sweeps(store)["sweep"][:SHOWN]:
        print(f"sweep {sweep}: {link(base, experiment, sweep)}")
    print("stop with Ctrl-C", flush=True)
    # One worker and no job runner: 2 processes instead of 15, 0.55 GB instead of 2.5.
    environment = os.environ | {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
    command = [sys.executable, "-m", "mlflow", "server", "--backend-store-uri", store, "--host", host, "--port", str(port)]
    os.execve(sys.executable, [*command, "--workers", "1"], environment)
