"""Teachers that taught each other: one description, trained once each, also by processes that start together."""

import multiprocessing
from functools import partial
from pathlib import Path

import pytest
import torch
from hydra import compose, initialize_config_dir

from lightexp.compose import build
from lightexp.compose.resolvers import conf_folder, register
from lightexp.data import Digits
from lightexp.distill import CrossEntropy, Hint, SoftLogits
from lightexp.errors import ConfigError
from lightexp.experiment import Experiment, Observer, Store
from lightexp.experiment.preflight import chains_of
from lightexp.models import MLP
from lightexp.spec import describe
from lightexp.stages import Chain, Ensemble, Fit, Lineage

WIDE, MIDDLE, NET = (partial(MLP, widths=[width]) for width in (16, 12, 8))
ADAM = partial(torch.optim.Adam, lr=2e-3)
FIT, LOSS = Fit(1, optimizer=ADAM), SoftLogits(2)
ASSISTED = Lineage({"wide": WIDE, "middle": MIDDLE}, FIT, LOSS)


def last(lineage: Lineage) -> Chain:
    (chain,) = lineage.chains().values()
    return chain


def test_a_lineage_is_chains_written_in_short():
    first = Chain(WIDE, {"a": FIT})
    second = Chain(MIDDLE, {"b": Fit(1, optimizer=ADAM, loss=LOSS, teacher=first)}, seed=1)
    third = Chain(MIDDLE, {"c": Fit(1, optimizer=ADAM, loss=LOSS, teacher=second)}, seed=2)
    for generations, chain in ((1, first), (2, second), (None, second), (3, third)):
        assert describe(Lineage({"x": WIDE, "y": MIDDLE}, FIT, LOSS, generations)) == describe(chain)


def test_the_student_is_known_by_all_that_taught_it():
    others = [
        ASSISTED,
        Lineage({"wide": WIDE}, FIT, LOSS),
        Lineage({"middle": MIDDLE, "wide": WIDE}, FIT, LOSS),
        Lineage({"wide": NET, "middle": MIDDLE}, FIT, LOSS),
        Lineage({"wide": WIDE, "middle": MIDDLE}, Fit(2), LOSS),
        Lineage({"wide": WIDE, "middle": MIDDLE}, FIT, SoftLogits(3)),
        Lineage({"wide": WIDE, "middle": MIDDLE}, FIT, LOSS, generations=3),
        Lineage({"wide": WIDE, "middle": MIDDLE}, FIT, LOSS, seed=1),
    ]
    students = [Chain(NET, {"fit": Fit(1, loss=LOSS, teacher=lineage)}).keys("data")[-1] for lineage in others]
    assert len(set(students)) == len(others)


def test_generations_of_one_net_begin_with_other_weights():
    own, starts = Lineage({"own": NET}, FIT, LOSS, generations=3), set()
    while own:
        starts.add(last(own).keys("data")[0])
        own = last(own).stages["fit"].teacher
    assert len(starts) == 3


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: Lineage({}), "no models"),
        (lambda: Lineage({"wide": WIDE}, loss=CrossEntropy()), "CrossEntropy asks no teacher"),
    ],
)
def test_what_cannot_be_is_refused(make, said):
    with pytest.raises(ConfigError, match=said):
        make()


class Noting(Observer):
    """Which stages were computed, by chain, with the parts of their losses; and what was planned."""

    def __init__(self) -> None:
        self.computed: dict[str, set[str]] = {}
        self.planned: list[str] = []

    def start(self, plan) -> None:
        self.planned = list(plan.chains)

    def stage(self, chain, row, curve) -> None:
        if not row["reused"]:
            assert chain not in self.computed
            self.computed[chain] = set(curve[-1]["parts"])


def run(folder: Path, teacher, seed: int = 0, loss=LOSS) -> Noting:
    noting = Noting()
    stages = {"train": Fit(1, loss=loss, teacher=teacher)}
    folders = {"store": Store(folder / "store"), "directory": folder / f"run-{seed}"}
    Experiment(Digits(), NET, stages, seed=seed, control=False, observers=[noting], **folders).run()
    return noting


def test_each_teacher_learns_from_the_one_before_and_once(tmp_path):
    noting = run(tmp_path, ASSISTED)
    assert noting.planned == ["teacher 1", "teacher 2", "student"]
    assert noting.computed == {"teacher 1": set(), "teacher 2": {"soft", "hard"}, "student": {"soft", "hard"}}
    for seed, lineage, expected in (
        (1, ASSISTED, ["student"]),
        (2, Lineage(ASSISTED.models, FIT, LOSS, generations=3), ["teacher 3", "student"]),
        (3, Chain(WIDE, {"any name": FIT}), ["student"]),
    ):
        assert list(run(tmp_path, lineage, seed).computed) == expected


def _run(folder: Path, seed: int, results) -> None:
    results.put(list(run(folder, Lineage({"own": NET}, FIT, LOSS, generations=2, seed=9), seed).computed))


def test_processes_that_start_together_train_each_generation_once(tmp_path):
    context = multiprocessing.get_context("spawn")
    results = context.Queue()
    workers = [context.Process(target=_run, args=(tmp_path, seed, results)) for seed in (0, 1)]
    for worker in workers:
        worker.start()
    computed = [label for _ in workers for label in results.get(timeout=300)]
    for worker in workers:
        worker.join()
        assert worker.exitcode == 0
    assert sorted(computed) == ["student", "student", "teacher 1", "teacher 2"]


def test_lineages_are_among_several_teachers(tmp_path):
    several = Ensemble({"one": Chain(NET, {"fit": FIT}), "assisted": ASSISTED, "wide": Lineage({"own": WIDE}, FIT, LOSS)})
    noting = run(tmp_path, several)
    # The last of them is the very teacher that the assistant learned from.
    assert noting.planned == ["teacher one", "teacher 1", "teacher assisted", "student"]
    assert list(noting.computed) == noting.planned


def test_layers_of_every_generation_are_checked_before_the_first_is_trained(tmp_path):
    hints = Lineage({"deep": partial(MLP, widths=[9, 9]), "flat": NET}, FIT, Hint(["layers.0"], ["layers.2"]), generations=3)
    with pytest.raises(ConfigError, match="stage fit of the teacher 3: MLP has no layer 'layers.2'"):
        run(tmp_path, hints)
    assert not (tmp_path / "run-0").exists()


def test_teachers_of_different_stages_are_all_planned():
    one, other = Chain(NET, {"fit": FIT}), Chain(WIDE, {"fit": FIT})
    student = Chain(NET, {str(at): Fit(1, loss=LOSS, teacher=taught) for at, taught in enumerate((one, other, one))})
    assert chains_of(student, None) == {"teacher": one, "teacher (1)": other, "student": student}


# Configs


def teacher_of(*overrides: str) -> Lineage | Chain:
    register()
    with initialize_config_dir(str(conf_folder()), version_base="1.3"):
        return build.experiment(compose("config", list(overrides))).stages["train"].teacher


def test_born_again_is_the_students_own_net_as_often_as_asked():
    lineage = teacher_of("teacher=born_again", "teacher.generations=3", "model.widths=[7]", "teacher_epochs=5")
    assert list(lineage.chains()) == ["teacher 3"]
    seen = []
    while lineage:
        chain = last(lineage)
        seen.append((chain.model.keywords["widths"], chain.stages["fit"].epochs, type(chain.stages["fit"].loss).__name__))
        lineage = chain.stages["fit"].teacher
    assert seen == [([7], 5, "SoftLogits"), ([7], 5, "SoftLogits"), ([7], 5, "CrossEntropy")]


def test_the_first_of_the_assistants_teachers_is_the_wide_one():
    first = last(teacher_of("teacher=assistants")).stages["fit"].teacher
    assert describe(first) == describe(teacher_of("teacher=wide"))
