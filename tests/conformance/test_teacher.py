"""What every teacher keeps to, and that any net can teach any other."""

from functools import cache, partial
from itertools import permutations
from pathlib import Path

import numpy as np
import pytest
import torch
from hydra import compose, initialize_config_dir
from torch import nn

from lightexp.artifact import encode
from lightexp.compose import build as compose_build
from lightexp.compose.resolvers import conf_folder, register
from lightexp.data import Splits, split
from lightexp.distill import Hint, SoftLogits, Teacher
from lightexp.models import MLP, SimpleNet, build, net_spec
from lightexp.spec import describe
from lightexp.train import Cosine, Training, fit
from tests.conformance.conftest import Own, configs, made
from tests.test_train import bits

NETS = [name for name in configs("model") if name not in ("resnet32", "resnet56", "lenet300")]
"""Those left out are others of another depth or size."""


@cache
def pictures() -> Splits:
    """Six to learn from, of a size that all nets take."""
    random, labels = np.random.default_rng(0), np.arange(8) % 2
    x = random.integers(0, 256, (8, 3, 16, 16), dtype=np.uint8)
    return split("pictures", x, labels, x[:2], labels[:2], validation=0.25)


@cache
def net_of(name: str) -> nn.Module:
    torch.manual_seed(0)
    return build(made("model", name, Path()), pictures().input_shape, pictures().classes).eval()


def learn(student: nn.Module, teacher: nn.Module, loss) -> list:
    sgd = partial(torch.optim.SGD, lr=1e-4)
    return fit(student, pictures(), Training(1, 6, loss, sgd, Cosine()), 1, Teacher(teacher))


@pytest.mark.parametrize(("teaching", "learning"), list(permutations(NETS, 2)))
def test_any_net_teaches_any_other(teaching, learning):
    teacher, student = net_of(teaching), net_of(learning)
    before, known = bits(student), bits(teacher)
    (epoch,) = learn(student, teacher, SoftLogits())
    assert epoch.parts["soft"] > 0
    assert bits(teacher) == known
    assert bits(student) != before


def test_a_convolutional_net_gives_hints_to_a_perceptron():
    shape, classes = pictures().input_shape, pictures().classes
    student, teacher = build(partial(MLP, widths=[8]), shape, classes), build(SimpleNet, shape, classes).eval()
    hint = Hint(["layers.0"], ["fc1"])
    hint.check(pictures().batch(pictures().train, torch.arange(2)), student, Teacher(teacher))
    before = bits(student)
    (epoch,) = learn(student, teacher, hint)
    assert epoch.parts["features"] > 0
    assert all(bits(student)[name] != before[name] for name in before)


# Configs


def outside(folder: Path, digits: Splits) -> dict[str, list[str]]:
    """What only a user could say, for the configs of nets that were trained elsewhere."""
    torch.manual_seed(0)
    net, factory = Own(digits.input_shape, digits.classes), partial(MLP, widths=[9])
    torch.save(net.state_dict(), folder / "own.pt")
    described = net_spec(factory, digits.input_shape, digits.classes)
    header = {"model": described, "data": digits.name, "mean": list(digits.mean), "std": list(digits.std)}
    (folder / "own.lxp").write_bytes(encode(build(factory, digits.input_shape, digits.classes), header))
    own = f"{Own.__module__}.{Own.__qualname__}"
    return {
        "file": [f"teacher.path={folder / 'own.lxp'}"],
        "net": [f"teacher.model._target_={own}", f"teacher.stages.load.path={folder / 'own.pt'}"],
    }


@pytest.mark.parametrize("name", [name for name in configs("teacher") if name != "none"])
def test_a_teacher_is_described_the_same_each_time_and_its_untrained_nets_answer(name, digits, tmp_path):
    register()
    with initialize_config_dir(str(conf_folder()), version_base="1.3"):
        config = compose("config", [f"teacher={name}", "teacher_epochs=1", *outside(tmp_path, digits).get(name, [])])
    one, other = (compose_build.experiment(config).stages["train"].teacher for _ in range(2))
    assert describe(one) == describe(other)
    nets = [build(chain.model, digits.input_shape, digits.classes).eval() for chain in one.chains().values()]
    logits = one.join([Teacher(net) for net in nets])(digits.batch(digits.train, torch.arange(3)))
    assert logits.shape == (3, digits.classes)
    assert logits.isfinite().all()
    assert not logits.requires_grad
