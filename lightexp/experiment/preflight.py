"""What can be known before anything is trained."""

from collections.abc import Iterable

import torch
from torch import nn

from lightexp.data import Splits
from lightexp.distill import Batch, Teacher
from lightexp.errors import ConfigError, DataError
from lightexp.models import build
from lightexp.reparam import layers
from lightexp.spec import describe, digest
from lightexp.stages import Chain, Stage
from lightexp.stages.fit import fit_of
from lightexp.train import Trainer
from lightexp.train.checkpointing import checkpointing
from lightexp.train.teacher_logits import kept_bytes, pays


def chains_of(chain: Chain, control: Chain | None) -> dict[str, Chain]:
    """All chains that a run walks, by label, in that order: teachers (and theirs) first, the student, its control."""
    named = {}
    for teacher in [stage.teacher for _, stage in chain.steps() if stage.teacher is not None]:
        for label, taught in teacher.chains().items():
            before = chains_of(taught, None).items()
            named |= {label if inner == "student" else f"{inner} of the {label}": c for inner, c in before}
    return named | {"student": chain} | ({"control": control} if control else {})


def check(chain: Chain, data: Splits, trainer: Trainer) -> int:
    """Build the net, let two samples through and ask each stage, to find now what does not fit; the bytes of the net's state.

    Raises:
        ConfigError: the net does not take the data, the trainer cannot cut it, or a stage cannot work on it.
    """
    model = build(chain.model, data.input_shape, data.classes).to(data.train.x.device).eval()
    batch = data.batch(data.train, torch.arange(2))
    try:
        with torch.no_grad():
            shape = tuple(model(batch[0]).shape)
    except (RuntimeError, ValueError, TypeError) as error:
        raise ConfigError(
            f"the net {type(model).__name__} cannot take {data.name}'s inputs of shape {list(data.input_shape)}: {error}"
        ) from error
    if shape != (2, data.classes):
        raise ConfigError(f"the net {type(model).__name__} gives {list(shape)} for 2 inputs, not [2, {data.classes}]")
    _check_names(model)
    if any(fit_of(stage) for _, stage in chain.steps()):
        checkpointing(model, trainer.checkpointing, batch[0])
    for name, stage in chain.steps():
        try:
            stage.check(model)
            if fit := fit_of(stage):
                fit.training_set(data)
            _check_layers(stage, batch, model, data)
        except (ConfigError, DataError) as error:
            raise type(error)(f"stage {name}: {error}") from error
    return sum(tensor.numel() * tensor.element_size() for tensor in model.state_dict().values())


def logits_bytes(chains: Iterable[Chain], data: Splits) -> int:
    """What the logits of all teachers take that some training of the chains looks up."""
    fits = [fit for chain in chains for _, stage in chain.steps() if (fit := fit_of(stage))]
    taught = [fit for fit in fits if pays(data, fit.loss, fit.epochs)]
    teachers = {digest(describe(chain)) for fit in taught for chain in fit.teacher.chains().values()}
    return sum(kept_bytes(data) for _ in teachers)


def _check_layers(stage: Stage, batch: Batch, model: nn.Module, data: Splits) -> None:
    """Both nets must have the layers that the stage's loss compares."""
    fit = fit_of(stage)
    if fit is not None and any(fit.loss.layers()):
        nets = [build(chain.model, data.input_shape, data.classes) for chain in fit.teacher.chains().values()]
        answering = [Teacher(net.to(batch[0].device).eval()) for net in nets]
        fit.loss.check(batch, model, fit.teacher.join(answering))


def _check_names(model: nn.Module) -> None:
    """Each weight must have one name of its own: under that it is masked, quantized and stored."""
    if "" in layers(model):
        raise ConfigError(
            f"the net is a single {type(model).__name__}: wrap it in a torch.nn.Sequential, so that its layer has a name"
        )
    names: dict[int, str] = {}
    for name, tensor in model.state_dict(keep_vars=True).items():
        other = names.setdefault(id(tensor), name)
        if other != name:
            raise ConfigError(
                f"the net uses one tensor as {other} and as {name}: lightexp compresses only weights that are not shared"
            )
