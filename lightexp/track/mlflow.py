"""The observer that keeps a run in MLflow."""

import getpass
import os
import subprocess
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

from lightexp.errors import Hopeless
from lightexp.experiment import Observer, Plan, Record
from lightexp.track.dataset import dataset_input
from lightexp.track.dead import lives, mark, this_process
from lightexp.track.environment import environment
from lightexp.track.metrics import METRICS
from lightexp.track.server import open_store

MOST_CLASSES = 20
"""Of data sets with more the errors of single classes are in record.json alone."""

SECONDS_BETWEEN = 5.0
"""Epochs that end sooner are logged together."""

ARTIFACTS = ("model.lxp", "record.json", "config.yaml", "stages.png", "layers.png")


class MLflow(Observer):
    """One run in MLflow for one key in one sweep.

    A finished run of the same key is not made again, unless it lacks the dense control that is now asked for. Attempts that did not finish make room for the next: they go to MLflow's
    bin, marked KILLED if they died and still said RUNNING.

    params: scalars by name. tags: name → text; `sweep` among them tells runs of the same key apart. name: of the run.
    """

    def __init__(
        self,
        uri: str,
        experiment: str = "lightexp",
        name: str | None = None,
        params: dict[str, Any] | None = None,
        tags: dict[str, str] | None = None,
    ) -> None:
        self.uri, self.experiment, self.name = uri, experiment, name
        self.params, self.tags = params or {}, {"kind": "run"} | (tags or {})
        self.run_id: str | None = None
        self.experiment_id: str | None = None
        self.reused = False
        self._stages = self._epochs = 0
        self._waiting: list[dict[str, Any]] = []
        self._logged: set[int] = set()
        self._told = time.monotonic()

    def open(self) -> None:
        """Make sure that the store answers, before anything else is done."""
        self._client, self.experiment_id = open_store(self.uri, self.experiment)

    def start(self, plan: Plan) -> None:
        self.open()
        earlier = self._earlier(plan.key)
        wanted = {"test/dense_error"} if "control" in plan.chains else set()
        finished = [run for run in earlier if run.info.status == "FINISHED" and wanted <= run.data.metrics.keys()]
        for run in earlier:
            if run not in finished and not (run.info.status == "RUNNING" and lives(run)):
                self._discard(run)
        if finished:
            self.run_id, self.reused = finished[0].info.run_id, True
            return
        tags = self.tags | {"key": plan.key, "net": plan.net} | this_process() | _source() | _git() | environment()
        run = self._client.create_run(self.experiment_id, tags=tags, run_name=self.name or f"{plan.data.name} {plan.key[:8]}")
        self.run_id = run.info.run_id
        self._log_params()
        self._client.log_inputs(self.run_id, datasets=[dataset_input(plan.data)])

    def _earlier(self, key: str) -> list[Any]:
        """What was tracked of the same key in the same sweep."""
        runs = self._client.search_runs([self.experiment_id], f"tags.key = '{key}'")
        return [run for run in runs if run.data.tags.get("sweep") == self.tags.get("sweep")]

    def _discard(self, run: Any) -> None:
        if run.info.status == "RUNNING":
            mark(self._client, run, "its process died; the same run was started again")
        self._client.delete_run(run.info.run_id)

    def epoch(self, chain: str, stage: str, epoch: dict[str, Any]) -> None:
        if chain != "student" or self.reused:
            return
        self._waiting.append(epoch)
        if time.monotonic() - self._told >= SECONDS_BETWEEN:
            self._log_epochs(self._waiting)

    def _log_epochs(self, epochs: list[dict[str, Any]]) -> None:
        points = []
        for epoch in epochs:
            figures = {f"fit/{name}": epoch[name] for name in ("loss", "val_loss", "val_accuracy", "rate")}
            figures |= {f"fit/{part}": value for part, value in epoch["parts"].items()}
            points += self._points(figures, self._epochs + epoch["number"])
        self._log(points)
        self._logged |= {epoch["number"] for epoch in epochs}
        self._waiting, self._told = [], time.monotonic()

    def stage(self, chain: str, row: dict[str, Any], curve: list[dict[str, Any]]) -> None:
        if chain != "student" or self.reused:
            return
        self._log(self._points({METRICS[name]: row[name] for name in METRICS if name in row}, self._stages))
        # Of a training that was resumed some epochs were told to an earlier run.
        self._log_epochs([epoch for epoch in curve if epoch["number"] not in self._logged])
        self._epochs += len(curve)
        self._stages += 1
        self._logged.clear()

    def finish(self, record: Record, directory: Path) -> None:
        if self.reused:
            return
        figures = {METRICS[name]: value for name, value in asdict(record).items() if name in METRICS}
        figures["sparsity/density"] = 1 - record.sparsity_prunable
        figures["size/coded_bytes"] = record.positions_bytes + record.values_bytes + record.tables_bytes
        if record.dense_test_accuracy is not None:
            figures["test/dense_error"] = 100 - record.dense_test_accuracy
        if len(record.class_errors) <= MOST_CLASSES:
            figures |= {f"class/errors_{label}": count for label, count in enumerate(record.class_errors)}
        of_stages = {METRICS[name] for row in record.stages for name in row if name in METRICS}
        # The page draws a curve of what has a step over 0, and of these alone there is one.
        self._log(self._points({name: value for name, value in figures.items() if name not in of_stages}, 0))
        self._log(self._points({name: figures[name] for name in of_stages & figures.keys()}, max(self._stages - 1, 0)))
        self._describe(record)
        for name in ARTIFACTS:
            if (directory / name).exists():
                self._client.log_artifact(self.run_id, str(directory / name))
        self._client.set_terminated(self.run_id, "FINISHED")

    def _describe(self, record: Record) -> None:
        """Put what came out before what the description already says."""
        dense = "" if record.dense_test_accuracy is None else f" (dense control {100 - record.dense_test_accuracy:.2f} %)"
        found = f"{record.test_error:.2f} % test error{dense} in {record.file_bytes:,} bytes, {record.ratio:.1f}× smaller"
        note = self.tags.get("mlflow.note.content")
        self._client.set_tag(self.run_id, "mlflow.note.content", f"**{found}**: {note}" if note else f"**{found}**")

    def fail(self, error: BaseException) -> None:
        if self.run_id is None or self.reused:
            return
        self._client.set_tag(self.run_id, "failure", f"{type(error).__name__}: {error}"[:5000])
        self._client.set_terminated(self.run_id, "KILLED" if isinstance(error, (KeyboardInterrupt, Hopeless)) else "FAILED")

    def _points(self, figures: dict[str, float | None], step: int) -> list[Any]:
        from mlflow.entities import Metric

        now = int(time.time() * 1000)
        return [Metric(name, float(value), now, step) for name, value in figures.items() if value is not None]

    def _log(self, points: list[Any]) -> None:
        # MLflow takes at most 1,000 metrics in one call.
        for at in range(0, len(points), 1000):
            self._client.log_batch(self.run_id, metrics=points[at : at + 1000])

    def _log_params(self) -> None:
        from mlflow.entities import Param

        named = [Param(name, str(value)) for name, value in self.params.items()]
        # MLflow takes at most 100 params in one call.
        for at in range(0, len(named), 100):
            self._client.log_batch(self.run_id, params=named[at : at + 100])


def _source() -> dict[str, str]:
    """Who runs what; MLflow's page shows the tags under its own names."""
    return {
        "mlflow.user": _user(),
        "mlflow.source.name": "lightexp",
        "mlflow.source.type": "LOCAL",
    }


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # of a user without a name, as containers have them
        return str(os.getuid())


def _git() -> dict[str, str]:
    """The commit of the working directory and whether its tree was dirty; nothing outside a checkout."""
    asked = [["git", "rev-parse", "HEAD"], ["git", "status", "--porcelain", "--untracked-files=no"]]
    try:
        commit, changes = (subprocess.run(call, capture_output=True, text=True, check=True).stdout.strip() for call in asked)
    except (OSError, subprocess.CalledProcessError):
        return {}
    return {"git_commit": commit, "git_dirty": str(bool(changes)).lower(), "mlflow.source.git.commit": commit}
