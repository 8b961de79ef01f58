"""The one run of a sweep that holds its table and pictures."""

from pathlib import Path
from typing import TYPE_CHECKING

from lightexp.track.server import open_store
from lightexp.track.view import share_view

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run


def keep(uri: str, sweep: str, files: list[Path], settings: list[str], command: str = "", experiment: str = "lightexp") -> str:
    """Put the files into the sweep's summary run, which is made once and refreshed from then on, and share its view; the run's id.

    settings: what varies in the sweep, see `share_view`. command: that the user typed.
    """
    run_id = attach(uri, sweep, files, experiment)
    client, experiment_id = open_store(uri, experiment)
    client.set_tag(run_id, "command", command)
    share_view(client, experiment_id, sweep, settings)
    return run_id


def attach(uri: str, sweep: str, files: list[Path], experiment: str = "lightexp") -> str:
    """Put the files into the sweep's summary run; its id."""
    client, experiment_id = open_store(uri, experiment)
    tags = {"kind": "summary", "sweep": sweep}
    run = _summary(client, experiment_id, sweep) or client.create_run(experiment_id, tags=tags, run_name=f"summary of {sweep}")
    for file in files:
        client.log_artifact(run.info.run_id, str(file))
    client.set_terminated(run.info.run_id, "FINISHED")
    return run.info.run_id


def summary_run(uri: str, sweep: str, experiment: str = "lightexp") -> "Run | None":
    """The sweep's summary run; its tag `command` is what the user typed."""
    return _summary(*open_store(uri, experiment), sweep)


def _summary(client: "MlflowClient", experiment_id: str, sweep: str) -> "Run | None":
    found = client.search_runs([experiment_id], f"tags.kind = 'summary' and tags.sweep = '{sweep}'", max_results=1)
    return found[0] if found else None
