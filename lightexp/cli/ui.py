"""`lightexp ui`: MLflow's own server over the store in use."""

import os
import sys

from lightexp.compose.resolvers import tracking_uri
from lightexp.track.server import open_store


def serve(host: str, port: int, uri: str | None) -> None:
    """Become the server: this process is replaced, so that an interrupt reaches it alone."""
    store = uri or tracking_uri()
    _, experiment = open_store(store, "lightexp")
    page = f"/#/experiments/{experiment}/runs?workflowType=machine_learning"
    if store.startswith(("http://", "https://")):
        print(f"the tracking server is {store}; its runs: {store.rstrip('/')}{page}")
        return
    print(f"runs: http://{host}:{port}{page}\nstop with Ctrl-C", flush=True)
    # One worker and no job runner: 2 processes instead of 15, 0.55 GB instead of 2.5.
    environment = os.environ | {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
    command = [sys.executable, "-m", "mlflow", "server", "--backend-store-uri", store, "--host", host, "--port", str(port)]
    os.execve(sys.executable, [*command, "--workers", "1"], environment)
