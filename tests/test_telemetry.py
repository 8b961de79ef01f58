"""Nothing phones home, whichever part of lightexp imports MLflow first."""

import os
import subprocess
import sys

import pytest

READ_A_FILE = "from lightexp.report.artifacts import Artifacts; Artifacts({uri!r}).read('0' * 32, 'record.json')"
OPEN_A_STORE = "from lightexp.track.server import open_store; open_store({uri!r}, 'lightexp')"
ASK = """
from contextlib import suppress
from lightexp.errors import LightexpError
with suppress(LightexpError):
    {first}
from mlflow.telemetry.client import get_telemetry_client
print(get_telemetry_client())
"""


@pytest.mark.parametrize("first", [READ_A_FILE, OPEN_A_STORE], ids=["file", "store"])
def test_mlflow_has_no_telemetry_client(first, tmp_path):
    script = ASK.format(first=first.format(uri=f"sqlite:///{tmp_path / 'mlflow.db'}"))
    # MLflow sends nothing from tests and CI, by which the rest of the environment would tell it.
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "PYTHONPATH") if name in os.environ}
    said = subprocess.run(
        [sys.executable, "-c", script], env=kept, cwd=tmp_path, stdout=subprocess.PIPE, check=True, timeout=300
    )
    assert said.stdout.decode().strip() == "None"
