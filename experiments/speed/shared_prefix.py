"""What content addresses save in a sweep: 3 seeds × 4 sparsities of one schedule, together and as 12 separate runs.

    python experiments/speed/shared_prefix.py [OVERRIDE ...]

Counts the dense trainings and the seconds of computing, on digits with `schedule=prune` and without controls, one after
another in one process so that the two sums are of the same machine. Separately means with `cache=off`.
"""

import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from hydra import compose, initialize_config_dir

from lightexp.compose import build
from lightexp.compose.resolvers import conf_folder, register
from lightexp.experiment import Observer

SEEDS = (0, 1, 2)
SPARSITIES = (0.8, 0.9, 0.95, 0.98)


class Trainings(Observer):
    """Counts the stages that were computed, by chain and name."""

    def __init__(self) -> None:
        self.computed: list[tuple[str, str]] = []

    def stage(self, chain: str, row: dict[str, Any], curve: list[dict[str, Any]]) -> None:
        if not row["reused"]:
            self.computed.append((chain, row["stage"]))


def sweep(folder: Path, *overrides: str) -> tuple[int, int, float]:
    """Dense student trainings, teacher trainings, seconds."""
    seen, began = Trainings(), time.perf_counter()
    for seed in SEEDS:
        for sparsity in SPARSITIES:
            config = compose("config", ["schedule=prune", f"seed={seed}", f"sparsity={sparsity}", "control=false", *overrides])
            experiment = build.experiment(config, folder / f"{seed}-{sparsity}")
            experiment.observers = [seen]
            experiment.run()
    dense, teachers = seen.computed.count(("student", "train")), seen.computed.count(("teacher", "fit"))
    return dense, teachers, time.perf_counter() - began


def main() -> None:
    register()
    with tempfile.TemporaryDirectory() as name, initialize_config_dir(str(conf_folder()), version_base="1.3"):
        folder = Path(name)
        together = sweep(folder, f"cache.root={folder / 'store'}", *sys.argv[1:])
        separately = sweep(folder, "cache=off", *sys.argv[1:])
    for what, (dense, teachers, seconds) in {"together": together, "separately": separately}.items():
        print(f"{what:>10}: {dense} dense nets, {teachers} teachers, {seconds:.1f} s")
    print(f"together / separately: {together[2] / separately[2]:.2f} of the seconds")


if __name__ == "__main__":
    main()
