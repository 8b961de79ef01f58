"""How long a table of a large store takes, and in how much memory: 5,000 runs with 40 params and 30 metrics.

    python experiments/speed/table.py [RUNS]

The runs, made up of 5 seeds and settings that vary, are written by SQL into a store that MLflow made, in a temporary folder.
`lightexp table` is timed as a process of its own, from its start to its end. A tracking server has no SQL to read by; the same
table by MLflow's API, which it would be read with, is timed in a process of its own too, over the same file.
"""

import os
import random
import sqlite3
import subprocess
import sys
import tempfile
import time
from contextlib import closing
from itertools import product
from multiprocessing import get_context
from pathlib import Path
from statistics import median

from lightexp.report.metrics import KNOWN

SEEDS, CRITERIA, RATES = range(5), [f"criterion_{n}" for n in range(10)], [0.1 / (n + 1) for n in range(10)]
PARAMS, METRICS = 40, 30
ROUNDS = 3, 1

BY_API = """
import sys
from lightexp.report import query, render, sources
query.source = sources.Server
from rich.console import Console
from lightexp.report.table import summarise
Console(width=10_000).print(render.terminal(summarise(query.runs(sys.argv[1]))))
"""


def settings(count: int) -> list[tuple[int, str, float, float]]:
    """Seed, criterion, rate and sparsity of each run."""
    others = list(product(CRITERIA, RATES))
    sparsities = [n / (count // 500 + 2) for n in range(1, count // 500 + 2)]
    found = [(seed, *other, sparsity) for sparsity in sparsities for other in others for seed in SEEDS]
    return found[:count]


def fill(path: Path, count: int) -> None:
    """Write the runs as MLflow would have."""
    from lightexp.track.server import open_store

    _, experiment = open_store(f"sqlite:///{path}", "lightexp")
    random.seed(0)
    runs, tags, params, metrics = [], [], [], []
    names = ["test/dense_error", "sparsity/asked", *KNOWN]
    names += [f"fit/part_{n}" for n in range(METRICS - len(names))]
    for number, (seed, criterion, rate, sparsity) in enumerate(settings(count)):
        run = f"{number:032x}"
        runs.append((run, f"run {number}", "LOCAL", "", "", "nobody", "FINISHED", number, number, "", "active", "", experiment))
        tagged = {"kind": "run", "sweep": "large", "data": "mnist", "model": "lenet300", "criterion": criterion}
        tags += [(key, value, run) for key, value in (tagged | {"schedule": "prune", "key": run}).items()]
        own = {"seed": seed, "sparsity": sparsity, "stages.prune.sparsity": sparsity, "optimizer.lr": rate}
        own |= {f"stages.tune.option_{n}": n for n in range(PARAMS - len(own))}
        params += [(key, str(value), run) for key, value in own.items()]
        figures = dict.fromkeys(names, 1.0) | {"test/error": random.gauss(2, 0.1), "sparsity/asked": sparsity}
        figures |= {"test/dense_error": 1.5 + seed / 10, "sparsity/prunable": sparsity}
        metrics += [(key, value, 0, 0, False, run) for key, value in figures.items()]
    fields = (
        "run_uuid, name, source_type, source_name, entry_point_name, user_id, status, start_time, end_time, source_version, "
        "lifecycle_stage, artifact_uri, experiment_id"
    )
    with closing(sqlite3.connect(path)) as store, store:
        store.executemany(f"insert into runs ({fields}) values ({', '.join('?' * 13)})", runs)
        store.executemany("insert into tags (key, value, run_uuid) values (?, ?, ?)", tags)
        store.executemany("insert into params (key, value, run_uuid) values (?, ?, ?)", params)
        columns = "key, value, timestamp, step, is_nan, run_uuid"
        store.executemany(f"insert into latest_metrics ({columns}) values (?, ?, ?, ?, ?, ?)", metrics)


def measured(command: list[str]) -> tuple[float, float, float, int]:
    """Seconds of the clock and of the processor, peak resident MB and lines of output of a process."""
    began = time.perf_counter()
    with tempfile.TemporaryFile() as output:
        child = subprocess.Popen(command, stdout=output)
        _, status, usage = os.wait4(child.pid, 0)
        seconds = time.perf_counter() - began
        if status:
            sys.exit(f"{' '.join(command)} failed")
        child.returncode = 0
        output.seek(0)
        return seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024, len(output.readlines())


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 5000
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "mlflow.db"
        uri = f"sqlite:///{path}"
        # In a process of its own: a child's peak begins with what its parent held.
        filling = get_context("spawn").Process(target=fill, args=(path, count))
        filling.start()
        filling.join()
        print(f"{count} runs, {PARAMS} params, {METRICS} metrics: a store of {path.stat().st_size / 2**20:.0f} MB")
        ways = {
            "lightexp table (SQL)": [sys.executable, "-m", "lightexp.cli.main", "table", "--uri", uri],
            "by MLflow's API": [sys.executable, "-c", BY_API, uri],
        }
        for (way, command), rounds in zip(ways.items(), ROUNDS, strict=True):
            found = [measured(command) for _ in range(rounds)]
            seconds, processor, memory, lines = (median(values) for values in zip(*found, strict=True))
            print(f"{way:>20}: {seconds:5.2f} s, {processor:.2f} of processor; {memory:.0f} MB at its peak, {lines} lines")


if __name__ == "__main__":
    main()
