"""Links that open MLflow's page with the right runs, columns and charts, without a click.

The page keeps a shared view as a tag of the experiment, `mlflow.sharedViewState.<id>`: JSON with a name, a time, and the page's
own state as text. Seen to work in MLflow 3.17.
"""

import json
import time
from typing import TYPE_CHECKING, Any

from lightexp.spec import digest
from lightexp.track.charts import charts

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

FIRST = ("attributes.`Run Name`", "runDateAndNestInfo")
LAST = "attributes.`Dataset`"

PIXELS = {FIRST[0]: 280, "metrics.`test/dense_error`": 125, "metrics.`sparsity/prunable`": 135}
"""Widths of the columns whose contents do not fit into the page's own."""


def share_view(client: "MlflowClient", experiment_id: str, sweep: str | None, settings: list[str]) -> None:
    """Keep a view of a sweep's runs (of all runs if None), best test error first, under a name in the page's Views menu.

    settings: "params.NAME" or "tags.NAME" of what varies, as columns before the metrics and axes of the charts.
    """
    found = {
        "searchFilter": "tags.kind = 'run'" + (f" and tags.sweep = '{sweep}'" if sweep else ""),
        "orderByKey": "metrics.`test/error`" if sweep else "attributes.start_time",
        "orderByAsc": bool(sweep),
        "startTime": "ALL",
        "lifecycleFilter": "Active",
        "datasetsFilter": [],
        "modelVersionFilter": "All Runs",
    }
    drawn = charts([name for kind, _, name in map(_parted, settings) if kind == "params"])
    view = {
        "name": sweep or "all runs",
        "createdAt": int(time.time() * 1000),
        "state": json.dumps(found | _columns(settings) | drawn | {"runsHiddenMode": "SHOW_ALL"}),
    }
    client.set_experiment_tag(experiment_id, f"mlflow.sharedViewState.{_id(sweep)}", json.dumps(view))


def link(base: str, experiment_id: str, sweep: str | None, charts: bool = False) -> str:
    """Where a server at `base` shows the view: as a table, or as charts beside the runs' names."""
    page = f"{base.rstrip('/')}/#/experiments/{experiment_id}/runs?workflowType=machine_learning"
    return f"{page}{'&compareRunsMode=CHART' if charts else ''}&viewStateShareKey={_id(sweep)}"


def _columns(settings: list[str]) -> dict[str, Any]:
    shown = [f"{kind}.`{name}`" for kind, _, name in map(_parted, settings)]
    shown += [*(f"metrics.`{name}`" for name in METRICS), LAST]
    return {"selectedColumns": shown, "columnOrder": [*FIRST, *shown], "columnWidths": PIXELS}


def _parted(setting: str) -> tuple[str, str, str]:
    return setting.partition(".")


def _id(sweep: str | None) -> str:
    return digest("view", sweep)[:16]
