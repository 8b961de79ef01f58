"""Configs: what composes, and what is said of those that do not."""

import re

import pytest
from hydra import compose, initialize_config_dir
from omegaconf import DictConfig

from lightexp.cli.run import check
from lightexp.compose import build
from lightexp.compose.errors import explain
from lightexp.compose.resolvers import conf_folder, register
from lightexp.compose.unread import unread
from lightexp.errors import ConfigError
from lightexp.stages import Chain


def composed(*overrides: str) -> DictConfig:
    register()
    with initialize_config_dir(str(conf_folder()), version_base="1.3"):
        return compose("config", list(overrides))


def complaint(*overrides: str) -> str:
    """The one line that a user sees for a config that cannot run."""
    with pytest.raises(Exception) as error:
        build.experiment(composed(*overrides)).run()
    line = explain(error.value)
    assert line is not None, repr(error.value)
    assert "\n" not in line
    return line


@pytest.mark.parametrize("schedule", sorted(path.stem for path in (conf_folder() / "schedule").glob("*.yaml")))
def test_every_schedule_composes_into_a_chain(schedule):
    experiment = build.experiment(composed(f"schedule={schedule}"))
    chain = Chain(experiment.model, experiment.stages, experiment.order)
    assert chain.steps()
    assert chain.control().steps()[0][1].epochs == sum(stage.budget() for _, stage in chain.steps())


def test_a_part_of_a_stage_can_be_overridden_alone():
    other = "stages.train.optimizer={_target_: torch.optim.SGD, _partial_: true, lr: 0.5}"
    experiment = build.experiment(composed("stages.tune.epochs=3", other, "epochs=7"))
    assert experiment.stages["tune"].epochs == 3
    assert experiment.stages["train"].epochs == 7
    assert experiment.stages["train"].optimizer.keywords == {"lr": 0.5}
    assert experiment.stages["tune"].optimizer.keywords["lr"] == 0.002


def test_a_criterion_of_one_stage_can_be_another_one():
    experiment = build.experiment(composed("criterion=random"))
    assert type(experiment.stages["prune"].criterion).__name__ == "Random"


@pytest.mark.parametrize(
    ("overrides", "said"),
    [
        (["bogus=1"], "config: Could not override 'bogus'"),
        (["+bogus=1"], "nothing reads the config's 'bogus'"),
        (["sparsity=1.2"], "stages.prune.sparsity: input should be less than 1 (given: 1.2)"),
        (["sparsity=abc"], "stages.prune.sparsity: input should be a valid number"),
        (["quantizer.clusters=0"], "stages.share.quantizer.clusters: input should be greater than or equal to 1 (given: 0)"),
        (["order=[train,prun]"], "order names the stage 'prun', which is not defined; there are: train, prune"),
        (["order=[]"], "there is no stage to run: name at least one in order"),
        (["+loss.bogus=1"], "stages.train.loss.bogus: unexpected keyword argument"),
        (["+model.bogus=1"], "unexpected keyword argument 'bogus' (its options: widths"),
        (["data=nope"], "Could not find 'data/nope' Available options in 'data': arrays cifar10"),
        (["epochs=-1"], "stages.train.epochs: input should be greater than or equal to 0 (given: -1)"),
        (["seed=abc"], "seed: input should be a valid integer"),
        (["optimizer.lr=-1"], "stage train: its optimizer cannot be made: Invalid learning rate: -1"),
        (["+optimizer.bogus=1"], "stage train: its optimizer cannot be made"),
        (["teacher=none"], "the loss SoftLogits needs a teacher"),
        (["allocation=threshold"], "finds its own sparsity: set sparsity=null"),
        (["sparsity=null"], "the allocation LAMP needs a sparsity between 0 and 1"),
        (["data=arrays"], "config: Missing mandatory value: data.path"),
        (["data=arrays", "data.path=nope.npz"], "nope.npz is not there"),
        (["data=mnist", "data.root=nowhere", "data.download=false"], "mnist.npz is not there and data.download is false"),
        (["model=lenet5"], "LeNet5 takes images of 16×16 or larger, not 8×8"),
        (["model._target_=json.loads"], "cannot be built"),
        (["model._target_=no.such.Class"], "model: "),
        (["device=tpu"], "the device 'tpu' cannot be used here"),
        (["cache.root=/proc/nowhere"], "the stage store /proc/nowhere cannot be used"),
        (["stages.tune.optimizer.lr=1"], "give this one its own first, +optimizer@stages.tune.optimizer=NAME, one of adam, adamw"),
        (["stages.tune.rate=constant"], "for this stage alone type +rate@stages.tune.rate=constant"),
        (["+epoch=5"], "nothing reads the config's 'epoch'"),
        (["augment=shift", "augment.shift.pixels=-1"], "augment.shift.pixels"),
    ],
)
def test_a_config_that_cannot_run_is_told_in_one_line_before_training(overrides, said):
    assert said in complaint(*overrides)


@pytest.mark.parametrize(
    ("overrides", "idle"),
    [
        (["schedule=prune", "quantizer.clusters=3", "criterion=fisher"], ["quantizer.clusters=3"]),
        (["quantizer.clusters=3", "augment=shift", "seed=1", "~latency"], []),
        (["schedule=dense", "loss.temperature=2", "sparsity=0.5"], ["sparsity=0.5"]),
        (["order=[train]", "stages.prune.sparsity=0.5", "stages.train.epochs=1"], ["stages.prune.sparsity=0.5"]),
        (["teacher=none", "loss=cross_entropy", "teacher_epochs=3"], ["teacher_epochs=3"]),
    ],
)
def test_what_is_asked_for_in_vain_is_told(overrides, idle):
    assert unread(composed(*overrides), overrides) == idle


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("=3", "the override '=3' names nothing to set"),
        ("latency=null", "latency=null: latency takes a name, one of onnx; ~latency leaves it out"),
        ("amount=3", "amount=3: amount takes a name, one of channels, latency, macs, params"),
    ],
)
def test_what_hydra_has_no_words_for_is_refused_first(typed, said):
    check(["-m", "seed=1,2", "latency=onnx", "+stage@stages.slim=slim", "~latency"])
    with pytest.raises(ConfigError, match=re.escape(said)):
        check(["seed=1", typed])


def test_params_are_the_scalars_each_once():
    found = build.scalars(composed("sparsity=0.5"))
    assert found["sparsity"] == 0.5
    assert found["stages.prune.sparsity"] == 0.5
    assert found["model.widths"] == [300, 100]
    assert not [name for name in found if name.startswith(("stages.train.teacher", "stages.train.loss"))]


def test_a_data_set_brings_its_budget_and_the_command_line_has_the_last_word():
    found = composed("data=mnist", "tune_epochs=2")
    assert (found.data._target_, found.epochs, found.tune_epochs) == ("lightexp.data.MNIST", 12, 2)
    assert found.teacher.stages.fit.epochs == 12
    assert composed().epochs == 60
