"""Searches: what may be chosen, what is wanted, what is given up, and that a study goes on where it was."""

import math
from dataclasses import fields
from functools import partial
from pathlib import Path

import optuna
import pandas as pd
import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser
from hypothesis import given
from hypothesis import strategies as st
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

from lightexp.errors import ConfigError, Hopeless
from lightexp.experiment import Plan, Record
from lightexp.sweep.front import front
from lightexp.sweep.give_up import GiveUp
from lightexp.sweep.objectives import check, value
from lightexp.sweep.space import space
from tests.sweeping import QUICK, Typed, statuses

BOTH = {"val_error": "minimize", "file_bytes": "minimize"}
SEARCH = ["hydra/sweeper=optuna", "sparsity=interval(0.5,0.9)", "criterion=magnitude,random", "hydra.sweeper.at_once=1", *QUICK]


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("work")


@pytest.fixture
def typed(folder, capsys) -> Typed:
    return Typed(folder, capsys)


def chosen(*typed: str) -> dict:
    return space(OverridesParser.create().parse_overrides(list(typed)))


def test_what_is_swept_becomes_what_may_be_chosen():
    found = chosen(
        "sparsity=interval(0.5,0.99)",
        "+lr=tag(log,interval(1e-4,1e-1))",
        "epochs=range(10,65,20)",
        "batch_size=int(interval(16,64))",
        "criterion=magnitude,taylor",
        "order=[train,prune],[train]",
        "seed=0,1,2",
        "device=cpu",
    )
    assert found == {
        "sparsity": FloatDistribution(0.5, 0.99),
        "+lr": FloatDistribution(1e-4, 1e-1, log=True),
        "epochs": IntDistribution(10, 50, step=20),
        "batch_size": IntDistribution(16, 64),
        "criterion": CategoricalDistribution(["magnitude", "taylor"]),
        "order": CategoricalDistribution(["[train,prune]", "[train]"]),
    }
    with pytest.raises(ConfigError, match="something to choose"):
        chosen("seed=0,1")
    with pytest.raises(ConfigError, match=r"sparsity=interval\(0.9,0.1\)"):
        chosen("sparsity=interval(0.9,0.1)")


@pytest.mark.parametrize(
    ("objectives", "message"),
    [
        ({}, "needs an objective"),
        ({"test_error": "minimize"}, "must not look at the test split"),
        ({"dense_test_accuracy": "maximize"}, "must not look at the test split"),
        ({"val_eror": "minimize"}, "no figure of a Record; there are: val_error, "),
        ({"key": "minimize"}, "no figure of a Record"),
        ({"val_error": "min"}, "'min' is no direction"),
    ],
)
def test_objectives_are_figures_that_no_test_sample_made(objectives, message):
    assert check(BOTH | {"ratio": "maximize"}) == BOTH | {"ratio": "maximize"}
    with pytest.raises(ConfigError, match=message):
        check(objectives)


def record(stages: list[tuple[str, float, int]]) -> Record:
    rows = [{"stage": name, "val_error": error, "file_bytes": size} for name, error, size in stages]
    return Record(**{field.name: 0 for field in fields(Record)} | {"val_accuracy": 97.5, "file_bytes": 7, "stages": rows})


def test_a_run_is_given_up_when_a_quarter_of_the_others_are_better_in_every_objective(tmp_path):
    assert value(record([]), "val_error") == 2.5
    assert value(record([]), "file_bytes") == 7
    for at in (1, 2, 3, 4, 5):
        (tmp_path / str(at)).mkdir()
        found = record([("train", at, 900), ("prune", at, 100 * at), ("tune", at, 100 * at)])
        (tmp_path / str(at) / "record.json").write_text(found.json())

    def walks(train: float, prune: tuple[float, int], after: int = 5) -> GiveUp:
        observer = GiveUp(BOTH, tmp_path, after)
        observer.start(Plan("", 0, "", "", tmp_path, {"student": (3, 3)}))
        observer.stage("teacher", {"stage": "fit", "val_error": 99.0, "file_bytes": 9999}, [])
        observer.stage("student", {"stage": "train", "val_error": train, "file_bytes": 900}, [])
        observer.stage("student", {"stage": "prune", "val_error": prune[0], "file_bytes": prune[1]}, [])
        observer.stage("student", {"stage": "tune", "val_error": 50.0, "file_bytes": 5000}, [])
        return observer

    # (1, 100) and (2, 200) are better than (2.5, 250) in both; behind train no net is smaller.
    with pytest.raises(
        Hopeless, match="behind prune 2 of 5 runs were better in every objective: val_error 2.5, file_bytes 250"
    ):
        walks(50.0, (2.5, 250))
    for prune in ((2.5, 200), (2.0, 250), (0.5, 5000), (50.0, 50)):
        walks(50.0, prune)
    walks(50.0, (2.5, 250), after=6)


points = st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), min_size=1, max_size=12)


@given(points)
def test_the_front_is_what_no_point_dominates(found):
    study = optuna.create_study(directions=["minimize", "maximize"])
    for error, ratio in found:
        choice = {"x": IntDistribution(0, 99)}
        study.add_trial(optuna.create_trial(params={"x": error}, distributions=choice, values=[error, ratio]))
    expected = {(e, r) for e, r in found if not any(e2 <= e and r2 >= r and (e2, r2) != (e, r) for e2, r2 in found)}
    table = front(study, {"val_error": "minimize", "ratio": "maximize"})
    assert list(zip(table["val_error"], table["ratio"], strict=True)) == sorted(expected)
    assert list(table.columns) == ["trial", "x", "val_error", "ratio"]


def test_a_study_goes_on_where_it_was_and_asks_for_no_point_twice(typed, folder):
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    said = typed(*SEARCH, "sweep=found", "hydra.sweeper.trials=2")
    assert said.startswith(
        "sweep found: search over sparsity, criterion for val_error ↓, file_bytes ↓\n"
        "2 trials · 0 ended · 2 to run, 1 at a time\n"
    )
    load = partial(optuna.load_study, study_name="found", storage=f"sqlite:///{folder}/multirun/found/study.db")
    # Its process dies when the third point was just asked for.
    study = load(sampler=optuna.samplers.RandomSampler(3))
    begun = study.ask(study.trials[0].distributions)
    said = typed(*SEARCH, "sweep=found", "hydra.sweeper.trials=4")
    assert "4 trials · 2 ended · 2 to run" in said
    trials = load().trials
    assert [trial.state.name for trial in trials] == ["COMPLETE"] * 4
    assert trials[2].params == begun.params
    assert len({tuple(trial.params.values()) for trial in trials}) == 4
    records = {path.parent.name: Record.read(path) for path in folder.glob("multirun/found/*/record.json")}
    for trial in trials:
        run = records[",".join(f"{name}={value}" for name, value in trial.params.items())]
        assert trial.values == [100 - run.val_accuracy, run.file_bytes]
    assert [status for _, status in statuses(folder)] == ["FINISHED"] * 4
    assert "Pareto set" in said
    (pareto,) = folder.glob("mlruns/**/pareto.csv")
    assert pd.read_csv(pareto)["trial"].tolist() == front(load(), BOTH)["trial"].tolist()
    assert "0 to run" in typed(*SEARCH, "sweep=found", "hydra.sweeper.trials=4")
    said = typed(*SEARCH, "sweep=found", "hydra.sweeper.trials=4", "~hydra.sweeper.objectives.file_bytes", code=1)
    assert "give this one another name by sweep=NAME" in said
    said = typed(*SEARCH, "sweep=found", "hydra.sweeper.trials=5", "batch_size=48", code=1)
    assert "begun with another config, other seeds or other code" in said


def test_seeds_are_averaged_over_and_the_sampler_may_be_genetic(typed, folder):
    said = typed(*SEARCH, "seed=0,1", "sweep=means", "hydra/sweeper/sampler=nsga2", "hydra.sweeper.trials=1", "tracker=none")
    assert "1 trials × 2 seeds · 0 ended" in said
    (trial,) = optuna.load_study(study_name="means", storage=f"sqlite:///{folder}/multirun/means/study.db").trials
    runs = [Record.read(path) for path in folder.glob("multirun/means/*/record.json")]
    assert sorted(run.seed for run in runs) == [0, 1]
    assert math.isclose(trial.values[0], 100 - sum(run.val_accuracy for run in runs) / 2)
    assert trial.values[1] == sum(run.file_bytes for run in runs) / 2
