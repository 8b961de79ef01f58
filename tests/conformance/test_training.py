"""What every loss, rate, optimizer, net and data set keeps to, and what every config owes its reader."""

import io
import json
from collections import OrderedDict

import numpy as np
import pytest
import torch
from torch import nn

from lightexp.artifact import decode, encode
from lightexp.data import Split
from lightexp.distill import Teacher
from lightexp.errors import ConfigError, DataError
from lightexp.models import build, from_spec, net_spec
from lightexp.spec import describe, digest
from tests.conformance.conftest import GROUPS, configs, made


@pytest.mark.parametrize(("group", "name"), [(group, name) for group in GROUPS for name in configs(group)])
def test_a_config_names_something_documented_whose_key_is_always_the_same(group, name, tmp_path):
    one, other = made(group, name, tmp_path), made(group, name, tmp_path)
    assert digest(describe(one)) == digest(describe(other))
    target = getattr(one, "func", type(one))
    text = target.__doc__ or ""
    assert text and not text.startswith(f"{target.__name__}("), f"{target} has no docstring"


# Losses


def seeing(filters: int) -> nn.Module:
    """Looks at six numbers as at a picture of 2×3, through a layer "seen"."""
    picture = {"unflatten": nn.Unflatten(1, (1, 2, 3)), "seen": nn.Conv2d(1, filters, 1), "tanh": nn.Tanh()}
    return nn.Sequential(OrderedDict(picture | {"flatten": nn.Flatten(), "fc": nn.Linear(6 * filters, 4)}))


def test_a_loss_is_a_scalar_that_the_student_learns_from(loss):
    torch.manual_seed(0)
    student, teacher = seeing(5), Teacher(seeing(7))
    batch = torch.randn(10, 6), torch.arange(10) % 4
    own = loss.begin(batch, student, teacher)
    learning = [*student.parameters(), *(own.parameters() if own else [])]
    for t in (0.0, 0.5, 0.99):
        (value, parts), (again, _) = (loss.at(t)(batch, student, teacher, own) for _ in range(2))
        assert (value.shape, value.dtype) == ((), torch.float32)
        assert value.isfinite()
        assert torch.equal(value, again)
        assert all(part.isfinite() and not part.requires_grad and part.shape == () for part in parts.values())
        for parameter in learning:
            parameter.grad = None
        value.backward()
        assert all(parameter.grad.isfinite().all() and parameter.grad.any() for parameter in learning)
        with torch.no_grad():
            for parameter in learning:
                parameter -= 1e-3 * parameter.grad
        assert loss.at(t)(batch, student, teacher, own)[0] < value


def test_a_loss_that_needs_no_teacher_does_without(loss):
    if not loss.needs_teacher:
        batch, student = (torch.randn(3, 6), torch.arange(3)), seeing(5)
        assert loss(batch, student, None, loss.begin(batch, student, None))[0].isfinite()


# Rates and optimizers


def test_a_rate_is_a_share_and_a_function_of_time_alone(rate):
    times = np.linspace(0, 1, 1000, endpoint=False)
    factors = [rate(float(t)) for t in times]
    assert all(0 <= factor <= 1 for factor in factors)
    assert max(factors) > 0.99
    assert factors[::-1] == [rate(float(t)) for t in times[::-1]]


def test_an_optimizer_goes_down_and_on_from_its_checkpoint(optimizer):
    def steps(count: int, state: dict | None = None, start: float = 1.0) -> tuple[nn.Parameter, dict]:
        weight = nn.Parameter(torch.full((5,), start)) if state is None else nn.Parameter(state["weight"].clone())
        made = optimizer([weight])
        if state:
            made.load_state_dict(state["optimizer"])
        for _ in range(count):
            made.zero_grad()
            ((weight - 0.5) ** 2).sum().backward()
            made.step()
        file = io.BytesIO()
        torch.save({"weight": weight.detach(), "optimizer": made.state_dict()}, file)
        file.seek(0)
        return weight, torch.load(file, weights_only=True)

    whole, _ = steps(20)
    _, half = steps(10)
    assert torch.equal(steps(10, half)[0], whole)
    assert ((whole - 0.5).abs() < 0.5).all()


# Nets


def test_a_net_answers_for_its_inputs_and_is_made_again_from_its_file(model):
    built, classes = 0, 3
    for input_shape in ((1, 28, 28), (3, 32, 32)):
        try:
            torch.manual_seed(0)
            net = build(model, input_shape, classes).eval()
        except ConfigError:
            continue
        built += 1
        with torch.no_grad():
            assert net(torch.randn(2, *input_shape)).shape == (2, classes)
        spec = json.loads(json.dumps(net_spec(model, input_shape, classes)))
        own = spec["net"].startswith("lightexp.models.")
        shapes = {name: tensor.shape for name, tensor in from_spec(spec, trusted=not own, device="meta").state_dict().items()}
        assert shapes == {name: tensor.shape for name, tensor in net.state_dict().items()}
        decoded = decode(encode(net, {"model": spec, "data": "", "mean": [], "std": []}), trust=not own).state_dict()
        assert all(torch.equal(tensor, decoded[name]) for name, tensor in net.state_dict().items())
        torch.manual_seed(0)
        again = build(model, input_shape, classes).state_dict()
        assert all(torch.equal(tensor, again[name]) for name, tensor in net.state_dict().items())
    assert built


# Data sets


def samples(split: Split) -> set[bytes]:
    return {row.tobytes() for row in split.x.flatten(1).numpy()}


def test_a_data_set_keeps_its_parts_apart_and_alike(data):
    try:
        splits = data.load()
    except DataError as error:
        pytest.skip(str(error))
    train, val, test = splits.train, splits.val, splits.test
    # The published sets hold a handful of pictures twice.
    for one, other in ((train, val), (train, test), (val, test)):
        assert len(samples(one) & samples(other)) <= 0.001 * len(one)
    counts = [np.bincount(part.y.numpy(), minlength=splits.classes) for part in (train, val, test)]
    np.testing.assert_allclose(counts[1], data.validation * (counts[0] + counts[1]), atol=0.5)
    assert (counts[0] > 0).all()
    inputs, labels = splits.batch(train, torch.arange(min(len(train), 5000)))
    assert (inputs.dtype, labels.dtype, inputs.shape[1:]) == (torch.float32, torch.int64, splits.input_shape)
    assert abs(inputs.mean()) < 0.05
    assert abs(inputs.std() - 1) < 0.05
    assert data.load().fingerprint == splits.fingerprint
