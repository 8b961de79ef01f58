"""Nets that were trained elsewhere as teachers: a file of lightexp's, and a user's own net with its weights."""

from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from lightexp import load
from lightexp.data import Arrays, Digits
from lightexp.distill import SoftLogits
from lightexp.errors import ArtifactError, ConfigError, DataError, LightexpError
from lightexp.experiment import Experiment, Observer, Record, Store
from lightexp.factorize import Ratio
from lightexp.measure import score
from lightexp.models import MLP, BatchNormMLP
from lightexp.prune import Uniform
from lightexp.quantize import KMeans
from lightexp.spec import describe
from lightexp.stages import Chain, Ensemble, Factorize, Fit, LoadFile, LoadWeights, Prune, Quantize, file_chain

NET = partial(MLP, widths=[12])


class Mine(nn.Module):
    """What a user's own net may look like."""

    def __init__(self, input_shape: tuple[int, ...], num_classes: int, width: int = 16):
        super().__init__()
        self.body = nn.Sequential(nn.Flatten(), nn.Linear(int(np.prod(input_shape)), width), nn.ReLU())
        self.norm, self.head = nn.BatchNorm1d(width), nn.Linear(width, num_classes)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(self.norm(self.body(x)))


class Rows(Observer):
    def __init__(self) -> None:
        self.seen: dict[tuple[str, str], dict] = {}

    def stage(self, chain, row, curve) -> None:
        self.seen[chain, row["stage"]] = row


def experiment(folder: Path, stages: dict, model=NET, data=Digits(), rows: Rows | None = None) -> Experiment:  # noqa: B008
    return Experiment(
        data,
        model,
        stages,
        control=False,
        store=Store(folder / "store"),
        directory=folder / "run",
        observers=[rows] if rows else [],
    )


def taught(folder: Path, teacher, data=Digits()) -> tuple[Record, Rows]:  # noqa: B008
    """A student of that teacher; a stage stands before it that must not run in vain."""
    rows = Rows()
    stages = {"before": Fit(1), "train": Fit(1, loss=SoftLogits(), teacher=teacher)}
    return experiment(folder, stages, data=data, rows=rows).run(), rows


@pytest.fixture(scope="module")
def file(tmp_path_factory) -> Path:
    """Of a net with two factors in the place of a layer, pruned and quantized."""
    folder = tmp_path_factory.mktemp("file")
    stages = {
        "fit": Fit(3),
        "factorize": Factorize(rank=Ratio(0.5), skip=["layers.1"]),
        "prune": Prune(0.3, allocation=Uniform()),
        "share": Quantize(KMeans(31)),
    }
    experiment(folder, stages, partial(MLP, widths=[40])).run()
    return folder / "run" / "model.lxp"


@pytest.fixture(scope="module")
def own(tmp_path_factory) -> Path:
    """Of `Mine`, after some steps."""
    data, net = Digits().load(), Mine((1, 8, 8), 10)
    inputs, labels = data.batch(data.train, torch.arange(len(data.train)))
    optimizer = torch.optim.Adam(net.parameters(), 0.02)
    for _ in range(30):
        optimizer.zero_grad()
        nn.functional.cross_entropy(net(inputs), labels).backward()
        optimizer.step()
    path = tmp_path_factory.mktemp("own") / "mine.pt"
    torch.save(net.state_dict(), path)
    return path


def mine(path: Path, **options) -> Chain:
    return Chain(partial(Mine, **options), {"load": LoadWeights(path)})


def test_a_file_teaches_as_the_net_that_is_in_it(file, tmp_path):
    data, net = Digits().load(), load(file)
    assert any("surgery" in str(name) for name in LoadFile(file).header["model"])
    record, rows = taught(tmp_path, file_chain(file))
    row = rows.seen["teacher", "load"]
    assert row["val_accuracy"] == score(net, data, data.val).accuracy > 20
    assert (row["epochs"], row["params"]) == (0, sum(parameter.numel() for parameter in net.parameters()))
    again, rows = taught(tmp_path, file_chain(file))
    assert again.key == record.key
    assert all(row["reused"] for row in rows.seen.values())


def test_an_own_net_teaches_with_its_weights(own, tmp_path):
    data, net = Digits().load(), Mine((1, 8, 8), 10).eval()
    net.load_state_dict(torch.load(own, weights_only=True))
    _, rows = taught(tmp_path, mine(own))
    assert rows.seen["teacher", "load"]["val_accuracy"] == score(net, data, data.val).accuracy > 20


def test_they_are_among_several_teachers(file, own, tmp_path):
    several = Ensemble({"file": file_chain(file), "own": mine(own), "fresh": Chain(NET, {"fit": Fit(1)})})
    _, rows = taught(tmp_path, several)
    assert [chain for chain, _ in rows.seen] == ["student", "teacher file", "teacher own", "teacher fresh", "student"]


@pytest.mark.parametrize("kind", ["file", "own"])
def test_what_is_in_a_file_names_the_student_and_not_where_it_lies(kind, request, tmp_path):
    path, chain = request.getfixturevalue(kind), {"file": file_chain, "own": mine}[kind]
    moved = tmp_path / "moved"
    moved.write_bytes(path.read_bytes())
    assert describe(chain(moved)) == describe(chain(path))
    assert "moved" not in str(describe(chain(moved)))


def test_other_weights_are_another_teacher(own, tmp_path):
    torch.save({name: tensor + 1 for name, tensor in torch.load(own, weights_only=True).items()}, tmp_path / "other.pt")
    assert describe(mine(tmp_path / "other.pt")) != describe(mine(own))


def test_a_file_that_changes_under_a_run_is_not_taken_for_what_it_was(own, tmp_path):
    path = tmp_path / "mine.pt"
    path.write_bytes(own.read_bytes())
    stage = LoadWeights(path)
    path.write_bytes(own.read_bytes()[:-1])
    with pytest.raises(ConfigError, match="was changed while the run was going on"):
        stage.content()


def test_code_that_is_not_lightexps_runs_if_trusted(tmp_path):
    experiment(tmp_path, {"fit": Fit(1)}, Mine).run()
    made = tmp_path / "run" / "model.lxp"
    with pytest.raises(ArtifactError, match="model.lxp: the file's net is .*Mine, which is not lightexp's"):
        file_chain(made)
    _, rows = taught(tmp_path, file_chain(made, trust=True))
    assert rows.seen["teacher", "load"]["params"] == 64 * 16 + 16 + 2 * 16 + 16 * 10 + 10


def wrong(folder: Path, own: Path, kind: str) -> Path:
    state = torch.load(own, weights_only=True)
    contents = {
        "absent": None,
        "cut": own.read_bytes()[:300],
        "no weights": b"x_train,y_train",
        "a list": [state["head.bias"]],
        "nested": {"state": state},
        "NaN": state | {"head.bias": state["head.bias"] * torch.nan},
        "less": {name: tensor for name, tensor in state.items() if name != "head.bias"},
        "whole": Mine((1, 8, 8), 10),
    }
    path, content = folder / "wrong.pt", contents[kind]
    if isinstance(content, bytes):
        path.write_bytes(content)
    elif content is not None:
        torch.save(content, path)
    return path


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("absent", "wrong.pt cannot be read: No such file"),
        ("cut", "wrong.pt is damaged or no file of weights"),
        ("no weights", "wrong.pt is damaged or no file of weights"),
        ("whole", "wrong.pt is damaged or no file of weights"),
        ("a list", "wrong.pt holds something other than a state dict"),
        ("nested", "wrong.pt holds something other than a state dict"),
        ("NaN", "NaN or infinite, first in head.bias"),
        ("less", "head.bias is not there, and the net's"),
    ],
)
@pytest.mark.parametrize("several", [False, True])
def test_wrong_weights_are_one_line_before_anything_is_trained(own, tmp_path, kind, said, several):
    path, folder = wrong(tmp_path, own, kind), tmp_path / "trained"
    with pytest.raises(LightexpError, match=said) as error:
        taught(folder, Ensemble({"one": mine(own), "other": mine(path)}) if several else mine(path))
    assert "\n" not in str(error.value)
    assert not folder.exists() or not list(folder.rglob("net.pt"))


def arrays(folder: Path, shape: tuple[int, ...], classes: int, scale: int = 255) -> Arrays:
    random, labels = np.random.default_rng(0), np.arange(90) % classes
    parts = {"x_train": (90, labels), "x_test": (30, labels[:30])}
    inputs = {name: random.integers(0, scale + 1, (count, *shape), dtype=np.uint8) for name, (count, _) in parts.items()}
    np.savez(folder / "own.npz", **inputs, y_train=labels, y_test=labels[:30])
    return Arrays(folder / "own.npz", validation=0.2)


@pytest.mark.parametrize(
    ("data", "of_file", "of_own"),
    [
        (
            ((1, 9, 9), 10),
            r"own has inputs of \[1, 9, 9\] and 10 classes; the net in",
            r"body.1.weight is \[16, 64\], and the net's",
        ),
        (
            ((1, 8, 8), 7),
            r"own has inputs of \[1, 8, 8\] and 7 classes; the net in",
            r"head.weight is \[10, 16\], and the net's",
        ),
        (((1, 8, 8), 10, 99), "was made for inputs normalised by mean", None),
    ],
)
def test_data_that_a_net_was_not_made_for_are_refused_before_anything_is_trained(file, own, tmp_path, data, of_file, of_own):
    for chain, said in ((file_chain(file), of_file), (mine(own), of_own)):
        if said:
            with pytest.raises((ConfigError, DataError, ArtifactError), match=f"stage load of the teacher: .*{said}"):
                taught(tmp_path / "trained", chain, arrays(tmp_path, *data))
    assert not list(tmp_path.rglob("net.pt"))


def test_a_damaged_file_is_one_line_before_anything_is_trained(file, tmp_path):
    path = tmp_path / "cut.lxp"
    for content, said in (
        (None, "cannot be read"),
        (b"hello", "not a lightexp artifact"),
        (file.read_bytes()[:-9], "checksum"),
    ):
        if content:
            path.write_bytes(content)
        with pytest.raises(ArtifactError, match=f"cut.lxp.*{said}"):
            file_chain(path)


def test_a_file_is_of_the_net_that_it_is_loaded_into(file, tmp_path):
    with pytest.raises(ConfigError, match="layers.0.weight is .40, 64., and the net's .12, 64."):
        experiment(tmp_path, {"load": LoadFile(file)}).run()
    record = experiment(tmp_path, {"load": LoadFile(file)}, partial(MLP, widths=[40])).run()
    assert record.test_accuracy == Record.read(file.parent / "record.json").test_accuracy


def test_a_net_of_other_options_and_the_same_shapes_is_not_taken_for_the_file(tmp_path):
    experiment(tmp_path, {"fit": Fit(1)}, partial(BatchNormMLP, widths=[12], activation="relu")).run()
    load = LoadFile(tmp_path / "run" / "model.lxp")
    with pytest.raises(ConfigError, match="holds another BatchNormMLP, which answers otherwise"):
        experiment(tmp_path / "other", {"load": load}, partial(BatchNormMLP, widths=[12], activation="hardtanh")).run()
