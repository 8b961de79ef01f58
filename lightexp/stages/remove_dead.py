"""Weights and biases that do no work."""

import copy
from typing import Annotated, ClassVar

import torch
from pydantic import Field
from torch import Tensor, nn

from lightexp.reparam import layers, mask_of, set_mask
from lightexp.spec import spec
from lightexp.stages.stage import Context, Stage
from lightexp.statistics.flow import absolute_flow
from lightexp.statistics.samples import Samples, draw


@spec
class RemoveDead(Stage):
    """Cut what a pruned net holds in vain; what the net answers stays the same up to rounding.

    A weight whose input x_j is the same for all training samples is cut, and w_ij·x_j joins the bias b_i: that of a pixel at the
    edge, of a unit that ReLU never lets through, of one without inputs. (Of a convolution only where x_j is 0 or nothing is
    padded.) Then the weights and the bias of every unit and filter that does not lead to the output are cut; none where that would
    change an answer, as in nets whose layers take the mean away (attention, GroupNorm), in which flow does not tell.

    batches: of 128 training samples that are looked at, or as many as there are.
    """

    prunes: ClassVar[bool] = True

    batches: Annotated[int, Field(ge=1)] = 500

    @torch.no_grad()
    def __call__(self, model: nn.Module, context: Context) -> nn.Module:
        model.eval()
        samples = draw(context.data, self.batches, torch.Generator().manual_seed(context.seed))
        ranges = _input_ranges(model, samples)
        for name, module in layers(model).items():
            if name in ranges:
                _fold(module, *ranges[name])
        ends = _ends(model, context.data.input_shape, samples.data.train.x.device)
        if _answer_alike(model, _cut(copy.deepcopy(model), ends), samples):
            _cut(model, ends)
        return model


def _input_ranges(model: nn.Module, samples: Samples) -> dict[str, tuple[Tensor, Tensor]]:
    """For each layer the least and the greatest value of each input feature or channel."""
    found: dict[str, tuple[Tensor, Tensor]] = {}

    def look(name: str, module: nn.Module, x: Tensor) -> None:
        feature = -1 if isinstance(module, nn.Linear) else 1
        values = x.movedim(feature, 0).flatten(1)
        low, high = values.amin(1), values.amax(1)
        before = found.get(name, (low, high))
        found[name] = torch.minimum(before[0], low), torch.maximum(before[1], high)

    hooks = [
        module.register_forward_pre_hook(lambda module, inputs, name=name: look(name, module, inputs[0]))
        for name, module in layers(model).items()
    ]
    for inputs, _ in samples:
        model(inputs)
    for hook in hooks:
        hook.remove()
    return found


def _fold(module: nn.Module, low: Tensor, high: Tensor) -> None:
    """Let the bias take over from the inputs that never vary."""
    still = low == high
    if module.bias is None or (not isinstance(module, nn.Linear) and any(module.padding)):
        still &= low == 0
    if not isinstance(module, nn.Linear) and module.groups > 1:
        return
    if not still.any():
        return
    weight = module.weight.flatten(2).sum(2) if module.weight.ndim > 2 else module.weight
    if module.bias is not None:
        module.bias += weight[:, still] @ low[still]
    gone = still.reshape(1, -1, *[1] * (module.weight.ndim - 2)).expand_as(module.weight)
    set_mask(module, mask_of(module) & ~gone)


def _answer_alike(one: nn.Module, other: nn.Module, samples: Samples) -> bool:
    """Whether two nets give the same up to rounding to the first batch."""
    inputs, _ = next(iter(samples))
    first, second = one(inputs), other(inputs)
    return bool((first - second).abs().max() <= 1e-4 * first.abs().max())


def _ends(model: nn.Module, shape: tuple[int, ...], device: torch.device) -> dict[tuple[str, str], Tensor]:
    """For each layer's weight and bias the units from which nothing flows to the output."""
    net, flow = absolute_flow(model, shape, device)
    named = {(name, kind): getattr(module, kind) for name, module in layers(net).items() for kind in ("weight", "bias")}
    present = {at: tensor for at, tensor in named.items() if tensor is not None}
    flows = torch.autograd.grad(flow, list(present.values()), allow_unused=True)
    return {at: (grad.reshape(len(grad), -1) == 0).all(1) for at, grad in zip(present, flows, strict=True) if grad is not None}


def _cut(model: nn.Module, ends: dict[tuple[str, str], Tensor]) -> nn.Module:
    found = layers(model)
    for (name, kind), units in ends.items():
        if kind == "bias":
            found[name].bias.masked_fill_(units, 0)
        elif units.any():
            set_mask(found[name], mask_of(found[name]) & ~units.reshape(-1, *[1] * (found[name].weight.ndim - 1)))
    return model
