"""Weights and biases that do no work."""

import copy
from typing import Annotated, ClassVar

import torch
from pydantic import Field
from torch import Tensor, nn

from lightexp.reparam import layers, mask_of, set_mask, strip
from lightexp.spec import spec
from lightexp.stages.stage import Context, Stage
from lightexp.statistics.samples import Samples, draw


@spec
class RemoveDead(Stage):
    """Cut what a pruned net holds in vain; what the net answers stays the same up to rounding.

    A weight whose input x_j is the same for all training samples is cut, and w_ij·x_j joins the bias b_i: that of a pixel at the
    edge, of a unit that ReLU never lets through, of one without inputs. (Of a convolution only where x_j is 0 or nothing is
    padded.) Then the weights and the bias of every unit and filter that does not lead to the output are cut.

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
        _cut_ends(model, context.data.input_shape, samples.data.train.x.device)
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


def _cut_ends(model: nn.Module, shape: tuple[int, ...], device: torch.device) -> None:
    """Cut the units from which nothing flows to the output, when ones flow through the absolute values of all parameters."""
    net = strip(copy.deepcopy(model)).double()
    for tensor in [*net.parameters(), *net.buffers()]:
        tensor.abs_()
    parts = {name: [p.requires_grad_() for p in (m.weight, m.bias) if p is not None] for name, m in layers(net).items()}
    with torch.enable_grad():
        flow = net(torch.ones(1, *shape, dtype=torch.float64, device=device)).sum()
        grads = torch.autograd.grad(flow, [p for own in parts.values() for p in own], allow_unused=True)
    remaining = iter(grads)
    for name, module in layers(model).items():
        flows = [next(remaining) for _ in parts[name]]
        if flows[0] is None:
            continue
        if (ends := (flows[0].flatten(1) == 0).all(1)).any():
            set_mask(module, mask_of(module) & ~ends.reshape(-1, *[1] * (module.weight.ndim - 1)))
        if module.bias is not None:
            module.bias.masked_fill_(flows[1] == 0, 0)
