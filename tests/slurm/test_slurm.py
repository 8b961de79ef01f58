"""A sweep through a real Slurm on this machine, of which a node is lost on the way."""

import json
import os
import shutil
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest

HERE = Path(__file__).parent
MISSING = [program for program in ("slurmctld", "slurmd", "munged", "sbatch") if not shutil.which(program)]

pytestmark = [
    pytest.mark.skipif(bool(MISSING), reason=f"needs Debian's slurm-wlm and munge; not found: {', '.join(MISSING)}"),
    pytest.mark.skipif(os.geteuid() != 0, reason="brings up a cluster, which root may"),
]


@pytest.fixture
def cluster(tmp_path):
    subprocess.run([HERE / "up.sh", tmp_path / "cluster"], check=True, timeout=120)
    yield tmp_path / "cluster"
    subprocess.run([HERE / "down.sh", tmp_path / "cluster"], check=False, timeout=60, stderr=subprocess.DEVNULL)


def test_a_sweep_of_8_jobs_outlives_a_node(cluster, tmp_path):
    command = [sys.executable, "-m", "lightexp.cli.main", "run", "-m", "seed=0,1,2,3", "sparsity=0.5,0.9", "sweep=eight"]
    command += ["schedule=prune", "loss=cross_entropy", "epochs=20", "tune_epochs=1", "control=false"]
    command += ["hydra/launcher=slurm"]
    environment = os.environ | {"SLURM_CONF": str(cluster / "slurm.conf")}
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    sweep = subprocess.Popen(command, cwd=tmp_path, env=environment, **pipes)
    statuses = "multirun/eight/*/status.json"
    while sum(json.loads(file.read_text())["state"] == "running" for file in tmp_path.glob(statuses)) < 2:
        assert sweep.poll() is None, sweep.stdout.read()
        time.sleep(0.2)
    subprocess.run([HERE / "lose.sh", cluster, "n2"], check=True)
    said, _ = sweep.communicate(timeout=1800)
    assert sweep.returncode == 0, said
    assert said.startswith("sweep eight: 8 jobs · 0 done · 8 to run, 16 at a time\n")
    assert said.count(": validation error ") == 8
    assert "its process died; started again" in said
    assert len(list(tmp_path.glob("multirun/eight/*/model.lxp"))) == 8
    with sqlite3.connect(tmp_path / "mlflow.db") as store:
        query = "select count(distinct value), count(*) from tags join runs using (run_uuid) where key = 'key' and status = ?"
        assert store.execute(query, ["FINISHED"]).fetchone() == (8, 8)
        assert store.execute(query, ["RUNNING"]).fetchone() == (0, 0)
