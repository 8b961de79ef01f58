"""Every yaml of the groups in `conf/` becomes a fixture's case, so that a newcomer is tested without a line here."""

import functools
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hydra import compose, initialize_config_dir
from hydra.utils import instantiate
from omegaconf import DictConfig, OmegaConf
from PIL import Image
from torch import nn

from lightexp.compose.resolvers import conf_folder, register
from lightexp.data import Digits, Splits
from lightexp.models import MLP, build

GROUPS = (
    "criterion",
    "allocation",
    "calibration",
    "sensitivity",
    "quantizer",
    "activation",
    "coder",
    "trainer",
    "factorization",
    "rank",
    "amount",
    "loss",
    "model",
    "data",
    "training_set",
    "rate",
    "optimizer",
    "stage",
)
SMALL = ["epochs=1", "tune_epochs=1", "sparsity=0.5"]
REAL_DATA = Path(__file__).parents[3] / "shared" / "data"


class Own(nn.Module):
    """What a user's own class may look like."""

    def __init__(self, input_shape: tuple[int, ...], num_classes: int):
        super().__init__()
        self.fc = nn.Linear(int(np.prod(input_shape)), num_classes)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.fc(x.flatten(1))


def configs(group: str) -> list[str]:
    return sorted(path.stem for path in (conf_folder() / group).glob("*.yaml"))


@functools.cache
def node(group: str, name: str) -> DictConfig:
    """The config as it stands in a whole, composed config, with all that it refers to."""
    register()
    at = "stages.tested" if group == "stage" else group
    chosen = f"+stage@stages.tested={name}" if group == "stage" else f"{group}={name}"
    with initialize_config_dir(str(conf_folder()), version_base="1.3"):
        return OmegaConf.select(compose("config", [*SMALL, chosen]), at)


def made(group: str, name: str, folder: Path) -> Any:
    """What the config describes; stand-ins where only a user could say what he means."""
    config = node(group, name).copy()
    for key in [key for key in config if OmegaConf.is_missing(config, key)]:
        if (group, key) not in STAND_INS:
            pytest.skip(f"only a user can say what {group}.{key} is")
        config[key] = STAND_INS[group, key](folder)
    if "download" in config:
        config.merge_with({"download": False, "root": os.environ.get("LIGHTEXP_DATA", str(REAL_DATA))})
    return instantiate(config, _convert_="all")


def _arrays(folder: Path) -> str:
    random, y = np.random.default_rng(0), np.arange(60) % 3
    np.savez(folder / "own.npz", x_train=random.random((60, 5)), y_train=y, x_test=random.random((9, 5)), y_test=y[:9])
    return str(folder / "own.npz")


def _pictures(folder: Path) -> str:
    random = np.random.default_rng(0)
    for part, label, number in np.ndindex(2, 2, 20):
        path = folder / "pictures" / ("train", "test")[part] / "ab"[label] / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(random.integers(0, 256, (8, 8, 3), dtype=np.uint8)).save(path)
    return str(folder / "pictures")


STAND_INS = {
    ("model", "_target_"): lambda folder: f"{__name__}.{Own.__name__}",
    ("data", "path"): _arrays,
    ("data", "root"): _pictures,
    ("training_set", "labels"): lambda folder: [3],
    ("stage", "labels"): lambda folder: [3],
    ("loss", "shallow"): lambda folder: ["seen"],
    ("loss", "student_layers"): lambda folder: ["seen"],
    ("loss", "teacher_layers"): lambda folder: ["seen"],
}


def _fixture(group: str):
    @pytest.fixture(params=configs(group), name=group)
    def fixture(request, tmp_path):
        return made(group, request.param, tmp_path)

    return fixture


globals().update({group: _fixture(group) for group in GROUPS})


@pytest.fixture(scope="session")
def digits() -> Splits:
    return Digits().load()


@pytest.fixture
def net(digits) -> nn.Module:
    """64 · 20 + 20 · 10 = 1480 prunable weights."""
    torch.manual_seed(0)
    return build(functools.partial(MLP, widths=[20]), digits.input_shape, digits.classes)
