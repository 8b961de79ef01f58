"""Runs in MLflow, in a real SQLite store."""

import os
import socket

import pytest

from lightexp.errors import TrackingError
from lightexp.experiment import Observer
from lightexp.track import MLflow
from lightexp.track.dead import bury, this_process
from lightexp.track.server import open_store
from tests import tiny


@pytest.fixture(scope="module")
def uri(tmp_path_factory) -> str:
    """A new store, whose artifacts lie beside it."""
    folder = tmp_path_factory.mktemp("mlflow")
    before = os.getcwd()
    os.chdir(folder)
    yield f"sqlite:///{folder / 'mlflow.db'}"
    os.chdir(before)


def runs_of(uri: str, sweep: str) -> list:
    client, experiment = open_store(uri, "lightexp")
    return client.search_runs([experiment], f"tags.sweep = '{sweep}'", order_by=["attributes.start_time"])


def tracked(uri: str, folder, sweep: str, *others: Observer, **options) -> MLflow:
    tracker = MLflow(uri, params={"seed": 0, "sparsity": 0.8}, tags={"sweep": sweep, "data": "digits"})
    tiny.experiment(folder, observers=[*others, tracker], **options).run()
    return tracker


def test_a_run_is_there_with_all_that_was_measured(uri, tmp_path):
    tracker = tracked(uri, tmp_path, "whole", control=True)
    (run,) = runs_of(uri, "whole")
    assert run.info.status == "FINISHED"
    assert run.data.params == {"seed": "0", "sparsity": "0.8"}
    assert run.data.tags["kind"] == "run"
    assert run.data.tags["data"] == "digits"
    assert len(run.data.tags["key"]) == 64
    found = run.data.metrics
    assert found["test/error"] + found["test/accuracy"] == pytest.approx(100)
    assert found["test/dense_error"] + found["test/dense_accuracy"] == pytest.approx(100)
    assert found["size/file_bytes"] == os.path.getsize(tmp_path / "run" / "model.lxp")
    assert {"val/error", "size/ratio", "size/bits_per_param", "sparsity/all", "bits/weight", "cost/macs", "cost/bops"} <= set(
        found
    )
    client, _ = open_store(uri, "lightexp")
    steps = [metric.step for metric in client.get_metric_history(tracker.run_id, "val/error")]
    assert sorted(set(steps)) == [0, 1, 2, 3, 4]
    epochs = [metric.step for metric in client.get_metric_history(tracker.run_id, "fit/loss")]
    assert sorted(epochs) == [1, 2, 3, 4, 5]
    assert {file.path for file in client.list_artifacts(tracker.run_id)} == {"model.lxp", "record.json"}


def test_the_same_run_again_is_the_same_run(uri, tmp_path):
    first = tracked(uri, tmp_path, "twice")
    second = tracked(uri, tmp_path, "twice")
    assert (second.run_id, second.reused) == (first.run_id, True)
    assert len(runs_of(uri, "twice")) == 1


def test_epochs_are_there_while_it_trains_and_once(uri, tmp_path, monkeypatch):
    monkeypatch.setattr("lightexp.track.mlflow.SECONDS_BETWEEN", 0)
    client, _ = open_store(uri, "lightexp")
    seen = []

    class Looks(Observer):
        def epoch(self, chain, stage, epoch):
            if chain == "student":
                (run,) = runs_of(uri, "live")
                seen.append([metric.step for metric in client.get_metric_history(run.info.run_id, "fit/loss")])

    tracker = tracked(uri, tmp_path, "live", Looks())
    assert seen == [[], [1], [1, 2], [1, 2, 3], [1, 2, 3, 4]]
    assert [metric.step for metric in client.get_metric_history(tracker.run_id, "fit/loss")] == [1, 2, 3, 4, 5]


def test_a_control_that_is_asked_for_later_is_tracked(uri, tmp_path):
    first = tracked(uri, tmp_path, "later")
    second = tracked(uri, tmp_path, "later", control=True)
    assert (second.reused, second.run_id == first.run_id) == (False, False)
    (run,) = runs_of(uri, "later")
    assert "test/dense_error" in run.data.metrics
    assert tracked(uri, tmp_path, "later").reused and tracked(uri, tmp_path, "later", control=True).reused


class Fails(Observer):
    def stage(self, chain, row, curve):
        if row["stage"] == "share":
            raise TrackingError("on purpose")


def test_a_run_that_fails_says_so_and_why(uri, tmp_path):
    with pytest.raises(TrackingError):
        tracked(uri, tmp_path, "failing", Fails())
    (run,) = runs_of(uri, "failing")
    assert run.info.status == "FAILED"
    assert run.data.tags["failure"] == "TrackingError: on purpose"


def test_a_dead_run_makes_room_and_a_living_one_stays(uri, tmp_path):
    tracked(uri, tmp_path, "dead")
    client, experiment = open_store(uri, "lightexp")
    (done,) = runs_of(uri, "dead")
    tags = {"key": done.data.tags["key"], "sweep": "grave", "host": socket.gethostname()}
    dead, reborn, living = (
        client.create_run(experiment, tags=tags | {"pid": pid}).info.run_id
        for pid in ("99999999", f"{os.getpid()}@1", this_process()["pid"])
    )
    failed = client.create_run(experiment, tags=tags).info.run_id
    client.set_terminated(failed, "FAILED")
    tracked(uri, tmp_path, "grave")
    status = {run.info.run_id: run.info.status for run in runs_of(uri, "grave")}
    assert status.pop(living) == "RUNNING"
    assert list(status.values()) == ["FINISHED"]
    binned = {run_id: client.get_run(run_id).info for run_id in (dead, reborn, failed)}
    assert {info.lifecycle_stage for info in binned.values()} == {"deleted"}
    assert [binned[run_id].status for run_id in (dead, reborn, failed)] == ["KILLED", "KILLED", "FAILED"]


def test_what_nobody_runs_any_more_is_marked_when_the_sweep_ends(uri, tmp_path):
    client, experiment = open_store(uri, "lightexp")
    tags = {"sweep": "over", "host": socket.gethostname()}
    dead = client.create_run(experiment, tags=tags | {"pid": "99999999"}).info.run_id
    living = client.create_run(experiment, tags=tags | this_process()).info.run_id
    bury(uri, "over")
    assert [client.get_run(run_id).info.status for run_id in (dead, living)] == ["KILLED", "RUNNING"]


def test_a_silent_server_is_one_clear_error():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        with pytest.raises(TrackingError, match="does not answer.*tracker=none"):
            open_store(f"http://127.0.0.1:{taken.getsockname()[1]}", "lightexp")
