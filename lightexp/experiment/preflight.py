"""What can be known before anything is trained."""

from collections.abc import Iterable
from typing import Any

import torch
from torch import nn

from lightexp.data import Splits
from lightexp.distill import Batch, Teacher
from lightexp.errors import ConfigError, LightexpError
from lightexp.models import build
from lightexp.reparam import layers
from lightexp.spec import describe, digest
from lightexp.stages import Chain, Stage
from lightexp.stages.fit import fit_of
from lightexp.train import Trainer
from lightexp.train.checkpointing import checkpointing
from lightexp.train.teacher_logits import kept_bytes, pays


def chains_of(chain: Chain, control: Chain | None) -> dict[str, Chain]:
    """All chains that a run walks, by label, each once, in that order: teachers (and theirs) first, the student, its control."""
    taught: dict[str, tuple[str, Chain]] = {}
    _gather_teachers(chain, taught)
    named: dict[str, Chain] = {}
    for label, teacher in taught.values():
        named[label if label not in named else f"{label} ({len(named)})"] = teacher
    return named | {"student": chain} | ({"control": control} if control else {})


def _gather_teachers(chain: Chain, found: dict[str, tuple[str, Chain]]) -> None:
    """Add the chain's teachers behind their own, with their labels, by what they are."""
    for teacher in [stage.teacher for _, stage in chain.steps() if stage.teacher is not None]:
        for label, taught in teacher.chains().items():
            key = digest(describe(taught))
            if key not in found:
                _gather_teachers(taught, found)
                found[key] = label, taught


def check(chain: Chain, label: str, data: Splits, trainer: Trainer) -> int:
    """Build the net, let two samples through and ask each stage, to find now what does not fit; the bytes of the net's state.

    label: of the chain, by which it is called in an error.

    Raises:
        LightexpError: the net does not take the data, the trainer cannot cut it, or a stage cannot work on either.
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
    if not layers(model) and any(stage.prunes or stage.codes for _, stage in chain.steps()):
        raise ConfigError(f"the net {type(model).__name__} has no linear layer and no convolution, so there is nothing to compress")
    if any(fit_of(stage) for _, stage in chain.steps()):
        checkpointing(model, trainer.checkpointing, batch[0])
    slimmed = False
    for name, stage in chain.steps():
        try:
            stage.check_data(data)
            stage.check(model)
            if not slimmed:
                stage.check_both(model, data)
            slimmed |= stage.slims
            if fit := fit_of(stage):
                fit.training_set(data)
            _check_loss(stage, batch, model, data)
        except LightexpError as error:
            raise type(error)(f"{title(name, label)}: {error}") from error
    return sum(tensor.numel() * tensor.element_size() for tensor in model.state_dict().values())


def logits_bytes(chains: Iterable[Chain], data: Splits) -> int:
    """What the logits of all teachers take that some training of the chains looks up."""
    sizes = {}
    for fit in [fit for chain in chains for _, stage in chain.steps() if (fit := fit_of(stage))]:
        seen = fit.training_set(data)
        if pays(seen, fit.loss, fit.epochs):
            sizes |= {(digest(describe(c)), seen.fingerprint): kept_bytes(seen) for c in fit.teacher.chains().values()}
    return sum(sizes.values())


def title(stage: str, label: str) -> str:
    """What a stage of the chain of that label is called in an error."""
    return f"stage {stage}" if label == "student" else f"stage {stage} of the {label}"


def _check_loss(stage: Stage, batch: Batch, model: nn.Module, data: Splits) -> None:
    """Both nets must have the layers that the stage's loss compares, and what it brings itself must take the data."""
    fit = fit_of(stage)
    if fit is not None:
        fit.loss.check(batch, model, _untrained(fit.teacher, data) if fit.teacher else None)


def _untrained(teacher: Any, data: Splits) -> Teacher:
    nets = [build(chain.model, data.input_shape, data.classes) for chain in teacher.chains().values()]
    return teacher.join([Teacher(net.to(data.train.x.device).eval()) for net in nets])


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
