"""Stores that hold what a table must not pass over in silence: tracked for real, from hand-made Records."""

import os
import re
import shutil
import sqlite3
from contextlib import closing

import pytest

from lightexp.cli.table import show
from lightexp.data import Digits
from lightexp.errors import LightexpError
from lightexp.experiment import Plan, Record
from lightexp.report import query
from lightexp.report.errors import ReportError
from lightexp.report.table import summarise
from lightexp.report.table_spec import TableSpec
from lightexp.spec import digest
from lightexp.track import MLflow
from lightexp.track.server import open_store

FIRST, SECOND = "lightexp run -m sweep=twice seed=0,1", "lightexp run -m sweep=twice seed=0,1 sparsity=0.9"


def record(**changed):
    figures = dict.fromkeys(Record.__dataclass_fields__, 1.0)
    return Record(**figures | {"key": "k", "seed": 0, "class_errors": [], "stages": [], "layers": []} | changed)


def track(uri, folder, seed=0, sparsity=0.5, tags=(), **changed):
    """One run, as an experiment would have it tracked; its id."""
    tags = {"data": "digits", "model": "lenet300", "schedule": "prune"} | dict(tags)
    tracker = MLflow(uri, params={"seed": seed, "sparsity": sparsity}, tags=tags)
    tracker.start(Plan(digest(seed, sparsity, tags), seed, Digits().load(), "MLP", folder, {}))
    figures = {"test_error": 2.0 + seed, "dense_test_accuracy": 98.0, "sparsity_asked": sparsity, "sparsity_prunable": sparsity}
    tracker.finish(record(**figures | changed), folder)
    return tracker.run_id


@pytest.fixture(scope="module")
def uri(tmp_path_factory):
    """The store; beside it copies of how it was when it held no runs, and when it held those of sweeps alone."""
    folder = tmp_path_factory.mktemp("store")
    before = os.getcwd()
    os.chdir(folder)
    uri = f"sqlite:///{folder / 'mlflow.db'}"
    client, _ = open_store(uri, "lightexp")
    shutil.copy(folder / "mlflow.db", folder / "empty.db")
    for seed in (0, 1):
        track(uri, folder, seed, tags={"sweep": "one", "command": FIRST})
        for sparsity, command in ((0.5, FIRST), (0.9, SECOND)):
            track(uri, folder, seed, sparsity, tags={"sweep": "twice", "command": command})
    for version, code in (("0.1.0", "abc"), ("0.2.0", "def")):
        run = track(uri, folder, 0, 0.5 if code == "abc" else 0.9, tags={"sweep": "mixed"})
        client.set_tag(run, "version", version)
        client.set_tag(run, "code", code)
    track(uri, folder, weight_bits=4.2, weight_bits_asked=4.0, tags={"sweep": "bits"})
    shutil.copy(folder / "mlflow.db", folder / "sweeps.db")
    track(uri, folder, 7, tags={"schedule": "quantize"})
    os.chdir(before)
    return uri


def one_line(error, said):
    assert isinstance(error, LightexpError) and "\n" not in str(error)
    assert re.search(said, str(error)), str(error)


def test_an_unknown_sweep_names_the_nearest(uri):
    with pytest.raises(ReportError) as caught:
        query.runs(uri, "twise")
    one_line(caught.value, "no sweep 'twise'; did you mean 'twice'.*There are: bits, mixed, twice, one")


def test_an_empty_store_says_how_to_fill_it(uri):
    empty = uri.replace("mlflow.db", "empty.db")
    for read in (query.runs, query.single_runs):
        with pytest.raises(ReportError) as caught:
            read(empty)
        one_line(caught.value, "no runs are tracked in sqlite:.*lightexp run.*--uri")
    assert query.sweeps(empty).empty


def test_a_metric_nobody_logged_is_said_with_those_there_are(uri):
    frame = query.runs(uri, "one")
    with pytest.raises(ReportError) as caught:
        summarise(frame, TableSpec(metrics=("test/error", "val/error")))
    one_line(caught.value, "no run has logged the metric 'val/error'; did you mean 'test/error'.*There are: bits/asked, ")


def test_single_runs_have_a_table_beside_sweeps(uri, tmp_path):
    assert query.runs(uri)["tag.sweep"].unique().tolist() == ["bits"]
    frame = query.single_runs(uri)
    assert len(frame) == 1 and "tag.sweep" not in frame
    made = summarise(frame)
    assert made.title == "Single runs (digits, lenet300)" and made.rows[-1][0].text == "quantize"
    show(None, None, True, tmp_path / "t.csv", uri)
    assert "quantize" in (tmp_path / "t.csv").read_text()


def test_without_single_runs_that_is_said(uri):
    with pytest.raises(ReportError) as caught:
        query.single_runs(uri.replace("mlflow.db", "sweeps.db"))
    one_line(caught.value, "all runs here belong to sweeps")


def test_several_sweeps_make_one_table(uri):
    made = summarise(query.runs(uri, "one", "mixed"))
    assert made.title == "Sweeps one, mixed (digits, lenet300)" and len(made.rows) == 1 + 2


def test_two_sweeps_of_one_name_are_told_with_their_commands(uri):
    (note,) = [note for note in summarise(query.runs(uri, "twice")).footnotes if note.startswith("The sweep")]
    assert (
        note
        == "The sweep twice has runs of 2 commands: `lightexp run -m sweep=twice` (2); `lightexp run -m sweep=twice sparsity=0.9` (2)."
    )
    assert not any("commands" in note for note in summarise(query.runs(uri, "one")).footnotes)


def test_more_seeds_are_no_other_command(uri):
    frame = query.runs(uri, "one")
    frame["tag.command"] = [f"lightexp run -m sweep=one seed={seed}" for seed in range(len(frame))]
    assert frame["tag.command"].nunique() > 1
    assert not any("commands" in note for note in summarise(frame).footnotes)


def test_runs_of_other_code_than_the_newest_are_marked(uri):
    made = summarise(query.runs(uri, "mixed"), TableSpec(metrics=("test/error",)))
    errors = {row[1].text: row[3] for row in made.rows}
    assert (errors["0.5"].marks, errors["0.9"].marks) == ("‡", "")
    assert "‡ A run was made by other code than the newest (0.2.0 def)." in made.footnotes
    assert not any("‡" in cell.marks for row in summarise(query.runs(uri, "one")).rows for cell in row)


def test_bits_that_missed_what_was_asked_for_are_marked_wherever_they_stand(uri):
    frame = query.runs(uri, "bits")
    made = summarise(frame)
    assert [cell.shown for cell in made.rows[-1] if "†" in cell.marks] == ["4 → 4.2 †"]
    narrow = summarise(frame, TableSpec(metrics=("test/error",)))
    assert [cell.shown for cell in narrow.rows[-1] if "†" in cell.marks] == ["2.00 †"]
    assert any(note.startswith("† A run is over 1 %") for note in narrow.footnotes)


def test_a_store_of_a_newer_schema_is_not_read(uri, tmp_path):
    shutil.copy(uri.removeprefix("sqlite:///"), tmp_path / "mlflow.db")
    with closing(sqlite3.connect(tmp_path / "mlflow.db")) as store, store:
        store.execute("update alembic_version set version_num = 'ffffffffffff'")
    with pytest.raises(ReportError) as caught:
        query.runs(f"sqlite:///{tmp_path / 'mlflow.db'}")
    one_line(caught.value, "schema .ffffffffffff. that the installed MLflow .* does not know.*pip install -U mlflow")


def test_a_database_of_something_else_is_said_to_be_one(tmp_path):
    with closing(sqlite3.connect(tmp_path / "other.db")) as store, store:
        store.execute("create table cats (name text)")
    with pytest.raises(ReportError) as caught:
        query.runs(f"sqlite:///{tmp_path / 'other.db'}")
    one_line(caught.value, "other.db is no store of MLflow's")


def test_a_silent_server_is_one_line(tmp_path):
    with pytest.raises(LightexpError) as caught:
        show(None, None, False, None, "http://127.0.0.1:9")
    one_line(caught.value, "cannot be read|does not answer")


def test_a_spec_that_is_not_there_is_one_line(tmp_path, uri):
    with pytest.raises(ReportError) as caught:
        show("one", tmp_path / "table.yaml", False, None, uri)
    one_line(caught.value, "table.yaml: no such file")
