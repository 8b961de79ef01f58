"""A row of the table of stages, measured on the file that the net would make."""

from statistics import median
from typing import Any

import torch
from torch import Tensor, nn

from lightexp.artifact import Coder, Range, decode, encode, parse
from lightexp.data import Splits
from lightexp.measure import score
from lightexp.models import build, net_spec
from lightexp.reparam import layers
from lightexp.stages import Chain, Stage
from lightexp.surgery import surgery_of
from lightexp.train import Epoch

DEFAULT = Range()
"""The coder whose files the rows in the store were measured on."""


def to_file(chain: Chain, model: nn.Module, data: Splits, coder: Coder = DEFAULT) -> bytes:
    """The net as the bytes of its file, which name the data it was made for and how its inputs are normalised."""
    described = net_spec(chain.model, data.input_shape, data.classes, surgery_of(model))
    return encode(model, {"model": described, "data": data.name, "mean": list(data.mean), "std": list(data.std)}, coder)


def from_file(chain: Chain, content: bytes, data: Splits) -> nn.Module:
    """The net decoded from the bytes, plain and fresh, on the device of the data."""
    return decode(content, net=getattr(chain.model, "func", chain.model)).to(data.train.x.device)


def stage_row(chain: Chain, name: str, stage: Stage, model: nn.Module, data: Splits, seconds: float) -> dict[str, Any]:
    """stage; epochs; seconds; val_accuracy, val_error (percent), val_loss (nats); file_bytes; original_bytes; ratio;
    slimmed_of, slimmed_asked, slimmed (see there); params, nonzero; sparsity (of all parameters), sparsity_prunable, sparsity_asked (0 … 1); weight_bits: all of the net
    decoded from its file."""
    content = to_file(chain, model, data)
    decoded = from_file(chain, content, data)
    validation = score(decoded, data, data.val)
    return {
        "stage": name,
        "epochs": stage.budget(),
        "seconds": seconds,
        "val_accuracy": validation.accuracy,
        "val_error": validation.error,
        "val_loss": validation.loss,
        "sparsity_asked": stage.sparsity,
        **slimmed(chain, stage, decoded, data),
    } | sizes(chain, decoded, content, data)


def slimmed(chain: Chain, stage: Stage | None, decoded: nn.Module, data: Splits) -> dict[str, Any]:
    """slimmed_of: what the amount that a stage takes away is measured in; slimmed_asked, slimmed: the share of it that was to go,
    and that the decoded net has less than the one that the chain builds. None where no stage takes any away."""
    amount = stage.amount if stage else None
    if amount is None:
        return {"slimmed_of": None, "slimmed_asked": None, "slimmed": None}
    built = build(chain.model, data.input_shape, data.classes).eval()
    left = amount.of(decoded, data.input_shape) / amount.of(built, data.input_shape)
    return {"slimmed_of": type(amount).__name__, "slimmed_asked": amount.share, "slimmed": 1 - left}


def step_cost(curve: list[Epoch]) -> dict[str, Any]:
    """What a training step cost where the stage was computed, with the trainer of that time: activation_bytes, the most that
    autograd held for the backward pass (`lightexp.train.held.HeldBytes`); step_seconds, median of the epochs' means. None
    without a training."""
    return {
        "activation_bytes": max((epoch.activation_bytes for epoch in curve), default=None),
        "step_seconds": median(epoch.step_seconds for epoch in curve) if curve else None,
    }


def sizes(chain: Chain, decoded: nn.Module, content: bytes, data: Splits) -> dict[str, Any]:
    """Figures of size, from a decoded net and the bytes it came from, and from the net as the chain builds it."""
    parsed = parse(content)
    weights: list[Tensor] = [module.weight for module in layers(decoded).values()]
    prunable = sum(weight.numel() for weight in weights)
    kept = sum(int(weight.count_nonzero()) for weight in weights)
    params = sum(parameter.numel() for parameter in decoded.parameters())
    nonzero = sum(int(parameter.count_nonzero()) for parameter in decoded.parameters())
    with torch.device("meta"):
        built = build(chain.model, data.input_shape, data.classes).state_dict()
    original = 4 * sum(tensor.numel() for tensor in built.values() if tensor.is_floating_point())
    saved = sum((32 - layer.bits) * layer.size for layer in parsed.layers)
    return {
        "params": params,
        "nonzero": nonzero,
        "sparsity": 1 - nonzero / params,
        "sparsity_prunable": 1 - kept / prunable if prunable else 0.0,
        "weight_bits": 32 - saved / prunable if prunable else 32.0,
        "file_bytes": len(content),
        "bits_per_param": 8 * len(content) / params,
        "original_bytes": original,
        "ratio": original / len(content),
    }
