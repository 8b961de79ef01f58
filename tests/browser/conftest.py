"""A small tracked sweep, and MLflow's own server over it, as `lightexp ui` starts it."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import pytest

COMMAND = [sys.executable, "-m", "lightexp.cli.main"]
SWEEP = "criterion=magnitude,random sparsity=0.5,0.9 seed=3 schedule=prune loss=cross_entropy epochs=1 tune_epochs=1 sweep=tiny"


@dataclass(frozen=True)
class Dashboard:
    """folder: where the sweep ran. base: the server's address. links: "charts" and "table" of the sweep."""

    folder: Path
    base: str
    links: dict[str, str]

    def get(self, path: str, body: dict[str, Any] | None = None) -> bytes:
        """The answer to what the page itself asks for; POST if there is a body."""
        content = None if body is None else json.dumps(body).encode()
        with urlopen(Request(f"{self.base}/{path}", content, {"Content-Type": "application/json"}), timeout=20) as answer:
            return answer.read()

    def ask(self, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        return json.loads(self.get(f"ajax-api/2.0/mlflow/{path}", body))


@pytest.fixture(scope="session")
def dashboard(tmp_path_factory) -> Iterator[Dashboard]:
    folder = tmp_path_factory.mktemp("dashboard")
    arguments = ["run", "-m", *SWEEP.split(), "hydra.launcher.n_jobs=1"]
    subprocess.run([*COMMAND, *arguments], cwd=folder, check=True, capture_output=True, timeout=600)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL, "text": True}
    # A session of its own, so that the server and its worker can be stopped together, whatever happens.
    server = subprocess.Popen([*COMMAND, "ui", "--port", str(port)], cwd=folder, start_new_session=True, **pipes)
    try:
        said = "".join(iter(server.stdout.readline, "stop with Ctrl-C\n"))
        yield Dashboard(folder, f"http://127.0.0.1:{port}", dict(re.findall(r"^  (charts|table): +(\S+)$", said, re.MULTILINE)))
    finally:
        os.killpg(server.pid, signal.SIGTERM)
        server.wait(timeout=20)
        server.stdout.close()
