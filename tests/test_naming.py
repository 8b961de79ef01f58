"""Names, colours and descriptions of a sweep's runs."""

import pytest
from omegaconf import OmegaConf

from lightexp.cli.naming import VARIABLE, colour_of, name_of, note_of, tell
from lightexp.report.style import BLUE, RED

TYPED = ["-m", "--config-dir", "mine", "order=[prune,  tune]", "seed=0,1", "sparsity=0.8,0.9", "criterion=magnitude,taylor"]
JOB = ["order=[prune,tune]", "seed=0", "sparsity=0.9", "criterion=taylor"]


@pytest.fixture(autouse=True)
def nothing_typed(monkeypatch):
    """Nor by the tests before this one; and nothing stays for those behind it."""
    monkeypatch.setenv(VARIABLE, "")


@pytest.fixture
def sweep():
    return tell


def test_a_run_is_named_by_what_differs_and_no_more(sweep):
    sweep(TYPED)
    assert name_of(JOB) == "seed=0 sparsity=0.9 criterion=taylor"


def test_what_a_sweeper_chooses_differs_though_nobody_typed_it(sweep):
    sweep(["-m", "hydra/sweeper=optuna", "epochs=3"])
    assert name_of(["epochs=3", "sparsity=0.913"]) == "sparsity=0.913"


def test_a_single_run_is_named_by_all_that_was_asked_for(sweep):
    assert name_of(["seed=3", "sparsity=0.9"]) == "seed=3 sparsity=0.9"
    assert name_of([]) is None


def test_words_are_coloured_before_numbers_and_the_seed_never(sweep):
    sweep(TYPED)
    assert colour_of(JOB) == RED
    assert colour_of([*JOB[:-1], "criterion=magnitude"]) == BLUE
    sweep(["-m", "seed=0,1", "sparsity=0.8,0.9"])
    assert colour_of(["seed=1", "sparsity=0.8"]) == BLUE
    sweep(["-m", "seed=range(0,3)"])
    assert colour_of(["seed=1"]) is None


def test_more_values_than_colours_get_none(sweep):
    sweep(["-m", "sparsity=" + ",".join(f"0.{digit}" for digit in range(1, 10))])
    assert colour_of(["sparsity=0.1"]) is None


def test_the_description_says_what_the_run_is_and_how_to_make_it_again():
    config = OmegaConf.create({"seed": 1, "order": None, "stages": {"train": {}, "prune": {}}})
    note = note_of(config, {"data": "digits", "model": "lenet300"}, ["order=[train, prune]", "seed=1"])
    assert note == "digits · lenet300 · train → prune · seed 1\n\n`lightexp run 'order=[train, prune]' seed=1`"
