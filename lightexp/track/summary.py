"""The one run of a sweep that holds its table and pictures."""

from pathlib import Path

from lightexp.track.server import open_store
from lightexp.track.view import share_view


def keep(uri: str, sweep: str, files: list[Path], settings: list[str], experiment: str = "lightexp") -> str:
    """Put the files into the sweep's summary run, which is made once and refreshed from then on, and share its view; the run's id.

    settings: what varies in the sweep, see `share_view`.
    """
    client, experiment_id = open_store(uri, experiment)
    share_view(client, experiment_id, sweep, settings)
    return attach(uri, sweep, files, experiment)


def attach(uri: str, sweep: str, files: list[Path], experiment: str = "lightexp") -> str:
    """Put the files into the sweep's summary run; its id."""
    client, experiment_id = open_store(uri, experiment)
    found = client.search_runs([experiment_id], f"tags.kind = 'summary' and tags.sweep = '{sweep}'", max_results=1)
    tags = {"kind": "summary", "sweep": sweep}
    run = found[0] if found else client.create_run(experiment_id, tags=tags, run_name=f"summary of {sweep}")
    for file in files:
        client.log_artifact(run.info.run_id, str(file))
    client.set_terminated(run.info.run_id, "FINISHED")
    return run.info.run_id
