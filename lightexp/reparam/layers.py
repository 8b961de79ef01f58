"""The one place that parametrizes: a weight carries at most one quantizer and then at most one mask."""

import pkgutil
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

from lightexp.reparam.code import WeightCode
from lightexp.reparam.mask import Mask
from lightexp.reparam.weight_quantizer import WeightQuantizer


def layers(model: nn.Module) -> dict[str, nn.Module]:
    """The layers whose weight can be compressed, by name, in the order of the net: linear layers and convolutions."""
    kinds = (nn.Linear, nn.Conv1d, nn.Conv2d, nn.Conv3d)
    return {name: module for name, module in model.named_modules() if isinstance(module, kinds)}


def latent(module: nn.Module) -> Tensor:
    """The weight that the optimizer moves: the one below mask and quantizer."""
    return module.parametrizations.weight.original if parametrize.is_parametrized(module, "weight") else module.weight


def plain_type(module: nn.Module) -> type[nn.Module]:
    """The class of the layer, whatever its weight carries."""
    return parametrize.type_before_parametrizations(module)


def _chain(module: nn.Module) -> list[nn.Module]:
    return list(module.parametrizations.weight) if parametrize.is_parametrized(module, "weight") else []


def mask_module(module: nn.Module) -> Mask | None:
    return next((link for link in _chain(module) if isinstance(link, Mask)), None)


def quantizer_of(module: nn.Module) -> nn.Module | None:
    return next((link for link in _chain(module) if not isinstance(link, Mask)), None)


def mask_of(module: nn.Module) -> Tensor:
    """True where the weight may differ from 0."""
    link = mask_module(module)
    return torch.ones_like(latent(module), dtype=torch.bool) if link is None else link.mask


def reads_weight(module: nn.Module) -> bool:
    """Whether the weight still follows the latent one; one that is read from a codebook does not, so training it is idle."""
    return getattr(quantizer_of(module), "reads_weight", True)


def set_mask(module: nn.Module, mask: Tensor) -> None:
    """Hold the weight at 0 where `mask` is False, above whatever quantizer there is."""
    link = mask_module(module)
    if link is None:
        parametrize.register_parametrization(module, "weight", Mask(mask))
        _introduce(module)
    else:
        link.mask.copy_(mask)


def set_quantizer(module: nn.Module, quantizer: nn.Module) -> None:
    """Give the weight a quantizer in place of the one it had; its mask stays."""
    mask = mask_module(module)
    _strip(module)
    parametrize.register_parametrization(module, "weight", quantizer)
    latent(module).requires_grad_(reads_weight(module))
    if mask is not None:
        parametrize.register_parametrization(module, "weight", mask)
        _introduce(module)


def _introduce(module: nn.Module) -> None:
    """Show the mask to a quantizer that looks at it."""
    quantizer = quantizer_of(module)
    if isinstance(quantizer, WeightQuantizer):
        quantizer.watch(mask_module(module))


@torch.no_grad()
def reorder(module: nn.Module, out: Tensor, into: Tensor) -> None:
    """Put the outputs and inputs of a layer or a normalisation into another order, with all that is kept of them.

    out, into: which of those before comes first, second … A convolution in groups keeps the order of its inputs.
    """
    # A normalisation may have statistics alone.
    shape = out.shape if latent(module) is None else latent(module).shape
    quantizer = quantizer_of(module)
    own = [getattr(quantizer, name) for name in getattr(quantizer, "of_rows", ())]
    for name, tensor in [*module.named_parameters(), *module.named_buffers()]:
        if len(shape) > 1 and tensor.shape == shape:
            tensor.copy_(tensor[out] if getattr(module, "groups", 1) > 1 else tensor[out][:, into])
        elif tensor.shape == shape[:1] and ("." not in name or any(tensor is one for one in own)):
            tensor.copy_(tensor[out])


def codes_of(module: nn.Module) -> WeightCode | None:
    """The exact integers of a quantized weight, 0 where it is pruned; None if it is not quantized."""
    quantizer = quantizer_of(module)
    return None if quantizer is None else quantizer.code(latent(module).detach()).masked(mask_of(module))


def _strip(module: nn.Module) -> None:
    if parametrize.is_parametrized(module, "weight"):
        weight = module.weight.detach().clone()
        # Not remove_parametrizations: it takes `weight` off the class, which deep copies of the module share.
        module.__class__ = parametrize.type_before_parametrizations(module)
        del module.parametrizations
        module.weight = nn.Parameter(weight)


def strip(model: nn.Module) -> nn.Module:
    """Turn every constrained weight into a plain parameter of the same values; changes `model`."""
    for module in layers(model).values():
        _strip(module)
    return model


def spec_of(model: nn.Module) -> list[dict[str, Any]]:
    """Which layer carries which constraints, as plain data; the tensors are in the state dict.

    Where a layer trains a parameter of another layer's quantizer, as a codebook of the whole net, `shares` says whose.
    """
    spec, owners = [], {}
    for name, link in ((name, link) for name, module in layers(model).items() for link in _chain(module)):
        entry = {"layer": name, "kind": f"{type(link).__module__}:{type(link).__qualname__}"}
        if hasattr(link, "bits"):
            entry["bits"] = link.bits
        shared = {key: owners.setdefault(id(own), name) for key, own in link.named_parameters()}
        if shared := {key: owner for key, owner in shared.items() if owner != name}:
            entry["shares"] = shared
        spec.append(entry)
    return spec


def rebuild(model: nn.Module, spec: list[dict[str, Any]], state: dict[str, Tensor]) -> nn.Module:
    """Give a plain net the constraints of `spec` and the tensors of `state`: what `spec_of` and `state_dict` were taken from."""
    found = layers(model)
    depth: dict[str, int] = {}
    for entry in spec:
        options = dict(entry)
        name, kind = options.pop("layer"), pkgutil.resolve_name(options.pop("kind"))
        shared = {key: getattr(quantizer_of(found[owner]), key) for key, owner in options.pop("shares", {}).items()}
        prefix = f"{name}.parametrizations.weight.{depth.setdefault(name, 0)}."
        depth[name] += 1
        tensors = {key.removeprefix(prefix): value.clone() for key, value in state.items() if key.startswith(prefix)}
        parametrize.register_parametrization(found[name], "weight", kind(**tensors | shared, **options))
        latent(found[name]).requires_grad_(reads_weight(found[name]))
        _introduce(found[name])
    model.load_state_dict(state)
    return model
