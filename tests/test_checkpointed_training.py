"""A whole training with gradient checkpointing is the one without it, and the store does not tell them apart."""

from collections.abc import Callable
from functools import partial

import pytest
from torch import Tensor, nn

from lightexp.data import Splits
from lightexp.distill import Hint, Teacher
from lightexp.errors import ConfigError
from lightexp.quantize import LSQ, StochasticBinaryConnect
from lightexp.stages import Context, Fit, Quantize
from lightexp.train import Surroundings, Trainer
from tests import test_train, tiny
from tests.test_train import ADAM, SCENARIOS, bits, constrained, curve, normalised

data = test_train.data  # a fixture


def trained(stage: Callable, model: nn.Module, data: Splits, checkpointing, teacher=test_train.teacher) -> tuple:
    """The net's bits and the curve, but for what the option is there to change."""
    context = Context(data, seed=7, teacher=teacher, around=Surroundings(trainer=Trainer(checkpointing=checkpointing)))
    state = bits(stage(model, context))
    return state, [epoch | {"activation_bytes": None} for epoch in curve(context.curve)]


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_a_stage_gives_the_same(scenario, data):
    stage, make = SCENARIOS[scenario]
    assert trained(stage, make(data), data, "sqrt") == trained(stage, make(data), data, None)


FIT = partial(Fit, 2, 32, optimizer=ADAM)
FITS = {
    "stochastic signs": (FIT(), [Quantize(StochasticBinaryConnect())]),
    "learned steps": (FIT(), [Quantize(LSQ(3))]),
    "bfloat16 in parts": (FIT(precision="bfloat16", accumulate=3, clip=0.1, average=0.9), []),
    "hint": (FIT(loss=Hint(("0",), ("0",)), teacher=object()), []),
}


@pytest.mark.parametrize("name", FITS)
def test_whatever_the_fit_is(name, data):
    (stage, before), teacher = FITS[name], Teacher(normalised().eval())
    one, other = (trained(stage, constrained(data, *before), data, segments, teacher) for segments in (None, 3))
    assert one == other


def test_what_is_stored_is_not_computed_again_for_another_trainer(tmp_path):
    first = tiny.experiment(tmp_path).run()
    record = tiny.experiment(tmp_path, trainer=Trainer(checkpointing="sqrt")).run()
    assert record.key == first.key
    assert all(row["reused"] for row in record.stages)
    assert record.activation_bytes == first.activation_bytes > 0


class OfValues(nn.Module):
    def __init__(self, input_shape: tuple[int, ...], classes: int) -> None:
        super().__init__()
        self.fc = nn.Linear(64, classes)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(x.flatten(1)) if x.max() > -1e9 else x


def test_a_net_that_cannot_be_followed_stops_the_run_ahead_of_training(tmp_path):
    asked = tiny.experiment(tmp_path, trainer=Trainer(checkpointing=2))
    asked.model, asked.stages = OfValues, {"train": Fit(1)}
    with pytest.raises(ConfigError, match=r"cannot follow the forward of OfValues .*trainer\.checkpointing=null"):
        asked.run()
    assert not list(tmp_path.glob("store/stages/*"))
