"""Links that open MLflow's page with the right runs and columns, without a click.

The page keeps a shared view as a tag of the experiment, `mlflow.sharedViewState.<id>`: JSON with a name, a time, and the page's
own state as text. Seen to work in MLflow 3.17.
"""

import json
import time
from typing import TYPE_CHECKING

from lightexp.spec import digest

if TYPE_CHECKING:
    from mlflow import MlflowClient

METRICS = (
    "test/error",
    "test/dense_error",
    "size/file_bytes",
    "size/ratio",
    "sparsity/prunable",
    "bits/weight",
    "cost/seconds",
)
"""Columns that matter, besides what varies."""


def share_view(client: "MlflowClient", experiment_id: str, sweep: str | None, settings: list[str]) -> None:
    """Keep a view of a sweep's runs (of all runs if None), best test error first, under a name in the page's Views menu.

    settings: "params.NAME" or "tags.NAME" of what varies, as columns beside the metrics.
    """
    quoted = [f"{kind}.`{name}`" for kind, _, name in (setting.partition(".") for setting in settings)]
    state = {
        "searchFilter": "tags.kind = 'run'" + (f" and tags.sweep = '{sweep}'" if sweep else ""),
        "orderByKey": "metrics.`test/error`" if sweep else "attributes.start_time",
        "orderByAsc": bool(sweep),
        "startTime": "ALL",
        "lifecycleFilter": "Active",
        "datasetsFilter": [],
        "modelVersionFilter": "All Runs",
        "selectedColumns": [*quoted, *(f"metrics.`{name}`" for name in METRICS)],
        "runsExpanded": {},
        "runsPinned": [],
        "runsHidden": [],
    }
    view = {"name": sweep or "all runs", "createdAt": int(time.time() * 1000), "state": json.dumps(state)}
    client.set_experiment_tag(experiment_id, f"mlflow.sharedViewState.{_id(sweep)}", json.dumps(view))


def link(base: str, experiment_id: str, sweep: str | None) -> str:
    """Where a server at `base` shows the view."""
    return f"{base.rstrip('/')}/#/experiments/{experiment_id}/runs?workflowType=machine_learning&viewStateShareKey={_id(sweep)}"


def _id(sweep: str | None) -> str:
    return digest("view", sweep)[:16]
