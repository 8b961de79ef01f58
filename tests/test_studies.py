"""Each experiment of each study's sweeps can be made, and compares what was trained as long."""

from pathlib import Path

import pytest
from hydra import compose, initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.types import RunMode

from lightexp.compose import build
from lightexp.compose.resolvers import conf_folder, register
from lightexp.compose.study import read
from lightexp.compose.sweep import values
from lightexp.report import table_spec
from lightexp.stages import Chain

STUDIES = {path.parent.name: path.parent for path in (Path(__file__).parent.parent / "experiments").glob("*/sweep.yaml")}
SWEEPS = [(name, sweep) for name, folder in sorted(STUDIES.items()) for sweep in read(folder).sweeps]
OWN_LENGTHS = {"mixed_lenet5", "mixed_mlp"}
"""Sweeps whose epochs are what varies."""


def first_of_each_experiment(overrides):
    """Overrides of a job for each experiment of a sweep, with the first value of all else."""
    parsed = OverridesParser.create().parse_overrides(list(overrides))
    chosen = next(one for one in parsed if one.key_or_group == "experiment")
    others = [values(one)[0] for one in parsed if one is not chosen]
    return [[experiment, *others] for experiment in values(chosen)]


def made(folder, jobs):
    register()
    with initialize_config_dir(str(conf_folder()), version_base="1.3"):
        return [build.experiment(compose("config", [f"hydra.searchpath=[{folder}]", *job])) for job in jobs]


def test_the_experiment_in_the_readme_can_be_made(tmp_path):
    text = (Path(__file__).parent.parent / "experiments" / "README.md").read_text()
    (tmp_path / "experiment").mkdir()
    (tmp_path / "experiment" / "example.yaml").write_text(text.split("```yaml\n")[1].split("```")[0])
    (found,) = made(tmp_path, [["experiment=example"]])
    prune = found.stages["prune"]
    assert (type(prune.criterion).__name__, prune.sparsity, prune.batches) == ("Taylor", 0.95, 40)


@pytest.mark.parametrize(("study", "sweep"), SWEEPS)
def test_the_experiments_of_a_sweep_can_be_made(study, sweep):
    found = made(STUDIES[study], first_of_each_experiment(read(STUDIES[study]).sweeps[sweep]))
    chains = [Chain(one.model, one.stages, one.order) for one in found]
    assert all(chain.steps() for chain in chains)
    if study in ("pruning_curves", "low_rank", "low_bit") and sweep not in OWN_LENGTHS:
        assert len({sum(stage.budget() for _, stage in chain.steps()) for chain in chains}) == 1


@pytest.mark.parametrize(("study", "sweep"), SWEEPS)
def test_where_the_data_lie_may_stand_behind_the_command(study, sweep):
    overrides = [*read(STUDIES[study]).sweeps[sweep], "data.root=elsewhere", f"hydra.searchpath=[{STUDIES[study]}]"]
    register()
    with initialize_config_dir(str(conf_folder()), version_base="1.3"):
        # As Hydra composes what all jobs of a sweep share, without what is swept.
        found = GlobalHydra.instance().config_loader().load_configuration("config", overrides, RunMode.MULTIRUN)
    assert found.data.root == "elsewhere"


@pytest.mark.parametrize("study", sorted(STUDIES))
def test_tables_name_sweeps_of_their_study(study):
    known = read(STUDIES[study])
    for table in known.tables:
        assert set(table_spec.read(STUDIES[study] / table).sweeps) <= set(known.sweeps)
