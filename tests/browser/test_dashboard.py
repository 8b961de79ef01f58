"""What `lightexp ui` opens: asked of the real server as the page asks it, and seen in a browser where there is one."""

import json
import shutil
import sqlite3
from contextlib import closing
from urllib.parse import parse_qs

import pytest

from lightexp.cli.ui import serve
from lightexp.data import Digits
from lightexp.errors import TrackingError
from lightexp.report.style import BLUE, RED
from lightexp.track.charts import GROUPS
from lightexp.track.server import open_store

NAMES = {f"criterion={criterion} sparsity={sparsity}" for criterion in ("magnitude", "random") for sparsity in (0.5, 0.9)}
SCATTERS = [f"{x} vs. test/error" for x in ("size/file_bytes", "sparsity/density", "cost/effective_macs")]
PATIENCE = 120_000  # milliseconds, for a machine that is busy with other tests
CURVES = ["val/error", "size/file_bytes", "sparsity/prunable"]


@pytest.fixture(scope="module")
def state(dashboard) -> dict:
    """The page's state, from the tag that the link names."""
    key = parse_qs(dashboard.links["charts"])["viewStateShareKey"][0]
    tags = dashboard.ask("experiments/get-by-name?experiment_name=lightexp")["experiment"]["tags"]
    (view,) = [json.loads(tag["value"]) for tag in tags if tag["key"] == f"mlflow.sharedViewState.{key}"]
    assert view["name"] == "tiny"
    return json.loads(view["state"])


@pytest.fixture(scope="module")
def runs(dashboard, state) -> list[dict]:
    """The runs that the view's own search finds, in its order."""
    order = [f"{state['orderByKey']} {'ASC' if state['orderByAsc'] else 'DESC'}"]
    experiment = dashboard.ask("experiments/get-by-name?experiment_name=lightexp")["experiment"]["experiment_id"]
    query = {"experiment_ids": [experiment], "filter": state["searchFilter"], "order_by": order}
    return dashboard.ask("runs/search", query)["runs"]


def values(run: dict, kind: str) -> dict:
    return {item["key"]: item["value"] for item in run["data"][kind]}


def test_the_view_finds_the_sweeps_runs_by_what_differs_best_first(runs):
    assert {run["info"]["run_name"] for run in runs} == NAMES
    errors = [values(run, "metrics")["test/error"] for run in runs]
    assert errors == sorted(errors)


def test_every_column_and_axis_is_there_in_every_run(state, runs):
    assert state["selectedColumns"][:2] == ["params.`criterion`", "params.`sparsity`"]
    charts = {
        kind: [card for card in state["compareRunCharts"] if card["type"] == kind] for kind in ("SCATTER", "PARALLEL", "LINE")
    }
    assert sum(map(len, charts.values())) == len(state["compareRunCharts"])
    columns = [column.replace("`", "").split(".", 1) for column in state["selectedColumns"]]
    for run in runs:
        metrics, params = values(run, "metrics"), values(run, "params")
        assert {name for kind, name in columns if kind == "metrics"} <= metrics.keys()
        assert {name for kind, name in columns if kind == "params"} <= params.keys()
        assert {card[axis]["key"] for card in charts["SCATTER"] for axis in ("xaxis", "yaxis")} <= metrics.keys()
        assert {card["metricKey"] for card in charts["LINE"]} <= metrics.keys()
        assert set(charts["PARALLEL"][0]["selectedParams"]) == {"criterion", "sparsity"} <= params.keys()
        assert metrics["sparsity/density"] == pytest.approx(1 - metrics["sparsity/prunable"])
        assert {name.partition("/")[0] for name in metrics} == set(GROUPS)


def test_curves_have_a_point_a_stage_and_what_came_out_is_one_bar(dashboard, runs):
    run = runs[0]["info"]["run_id"]

    def steps(metric: str) -> list[int]:
        found = dashboard.ask(f"metrics/get-history?run_id={run}&metric_key={metric}")["metrics"]
        return sorted({point["step"] for point in found})

    assert steps("size/file_bytes") == [0, 1, 2]
    assert steps("test/error") == steps("class/errors_0") == [0]


def test_a_run_has_its_data_set_its_pictures_its_colour_and_how_to_make_it_again(dashboard, runs):
    splits = Digits().load()
    for run in runs:
        (given,) = run["inputs"]["dataset_inputs"]
        assert splits.fingerprint.startswith(given["dataset"]["digest"])
        assert json.loads(given["dataset"]["profile"])["train"] == len(splits.train)
        tags = values(run, "tags")
        what, again = tags["mlflow.note.content"].split("\n\n")
        assert f"{values(run, 'metrics')['test/error']:.2f} % test error" in what
        assert what.endswith("smaller**: digits · lenet300 · train → prune → tune · seed 3")
        assert again.startswith("`lightexp run ")
        assert run["info"]["run_name"] in again
        assert tags["mlflow.runColor"] == (BLUE if tags["criterion"] == "magnitude" else RED)
        for picture in ("stages.png", "layers.png"):
            assert dashboard.get(f"get-artifact?run_uuid={run['info']['run_id']}&path={picture}").startswith(b"\x89PNG")


def test_a_port_in_use_and_a_store_of_a_newer_mlflow_are_one_clear_error(dashboard, tmp_path):
    taken = int(dashboard.base.rpartition(":")[2])
    with pytest.raises(
        TrackingError, match=rf"^127.0.0.1:{taken} .* \(Address already in use\): choose another one with --port$"
    ):
        serve("127.0.0.1", taken, None)
    store = tmp_path / "newer.db"
    shutil.copy(dashboard.folder / "mlflow.db", store)
    with closing(sqlite3.connect(store)) as connection, connection:
        connection.execute("update alembic_version set version_num = 'ffffffffffff'")
    with pytest.raises(TrackingError, match="newer.db cannot be opened: it was made by a newer MLflow than .*upgrade mlflow"):
        open_store(f"sqlite:///{store}", "lightexp")


def test_a_browser_shows_columns_and_charts_without_a_click(dashboard):
    api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    program = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if not program:
        pytest.skip("there is no chromium")
    with api.sync_playwright() as play, play.chromium.launch(executable_path=program) as browser:
        page = browser.new_page(viewport={"width": 2400, "height": 2000})
        page.goto(dashboard.links["charts"])
        for title in [*SCATTERS, "Parallel Coordinates", *CURVES]:
            api.expect(page.get_by_role("heading", name=title, exact=True)).to_be_visible(timeout=PATIENCE)
        page.goto(dashboard.links["table"])
        for column in (
            "criterion",
            "sparsity",
            "test/error",
            "size/file_bytes",
            "size/ratio",
            "sparsity/prunable",
            "bits/weight",
        ):
            api.expect(page.get_by_role("columnheader", name=column, exact=True).first).to_be_visible(timeout=PATIENCE)
        for name in NAMES:
            api.expect(page.get_by_text(name, exact=True).first).to_be_visible()
