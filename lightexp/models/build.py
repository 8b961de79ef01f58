"""Nets from a config, and from the description that is kept with their weights."""

import functools
import inspect
import json
import pkgutil
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import nn

from lightexp.errors import ArtifactError, ConfigError
from lightexp.surgery import operate

_PACKAGE = "lightexp.models"
_MOST = 2**20


def build(factory: Callable[..., nn.Module], input_shape: tuple[int, ...], classes: int) -> nn.Module:
    """The net that `factory` makes for the data: a class, a function, or a `functools.partial` of either.

    The factory is given what its signature names of `input_shape`, `classes`, `num_classes` and `in_channels`. The latter two
    may also be set by its config, which then wins.

    Raises:
        ConfigError: an argument is missing, unknown or of the wrong kind, or what was made is not a net.
    """
    target, args, keywords = _parts(factory)
    name = _name(target)
    if clash := {"input_shape", "classes"} & keywords.keys():
        raise ConfigError(f"{name}: {clash.pop()} follows from the data: take it out of the net's options")
    accepted = _accepted(target)
    offers = {"input_shape": input_shape, "classes": classes, "num_classes": classes, "in_channels": input_shape[0]}
    given = {*accepted[: len(args)], *keywords}
    try:
        net = target(*args, **keywords, **{key: offers[key] for key in offers if key in accepted and key not in given})
    except TypeError as error:
        if "argument" not in str(error):
            raise
        options = ", ".join(key for key in accepted if key not in offers) or "none"
        raise ConfigError(f"{name} cannot be built: {_line(error)} (its options: {options})") from error
    if not isinstance(net, nn.Module):
        raise ConfigError(f"{name} made {type(net).__name__}, not a torch.nn.Module: name a net's class or function")
    return net


def net_spec(
    factory: Callable[..., nn.Module], input_shape: tuple[int, ...], classes: int, surgery: Sequence[dict[str, Any]] = ()
) -> dict[str, Any]:
    """The JSON data from which `from_spec` makes the same net in a later process.

    surgery: what `lightexp.surgery.surgery_of` found that was done to it since it was built.

    Raises:
        ConfigError: the factory has positional arguments, or options that JSON cannot hold.
    """
    target, args, keywords = _parts(factory)
    name = _name(target)
    if args:
        raise ConfigError(f"{name}: its options must be given by name, so that they can be kept with its weights")
    for option, value in keywords.items():
        try:
            json.dumps(value, allow_nan=False)
        except (TypeError, ValueError, RecursionError) as error:
            raise ConfigError(f"{name}: {option} must be JSON data, to be kept with the weights: {_line(error)}") from error
    options = json.loads(json.dumps(keywords))
    plain = {"net": name, "args": options, "input_shape": [int(size) for size in input_shape], "classes": int(classes)}
    return plain | ({"surgery": list(surgery)} if surgery else {})


def from_spec(
    spec: dict[str, Any],
    trusted: type | Callable[..., nn.Module] | bool = False,
    device: torch.device | str = "cpu",
) -> nn.Module:
    """The net that `net_spec` described, untrained, on `device`; `spec` may come from a stranger.

    Only the nets of this package are made by name. Any other is made by `trusted`, a class or function of the caller's, or,
    where `trusted` is True, by importing what the spec names. On the "meta" device no memory is taken, so the net's shapes
    can be looked at first.

    Raises:
        ArtifactError: the spec is malformed, describes no possible net, or names a class that is not trusted.
    """
    name, _, input_shape, classes, surgery = _checked(spec)
    factory = factory_of(spec, trusted)
    try:
        with torch.device(device):
            return operate(build(factory, input_shape, classes), surgery)
    except Exception as error:  # whatever a constructor raises for a stranger's options, the file is at fault
        raise ArtifactError(f"the net {name} cannot be made as the file describes it: {_line(error)}") from error


def factory_of(spec: dict[str, Any], trusted: type | Callable[..., nn.Module] | bool = False) -> functools.partial:
    """What makes the net of a spec before any surgery, for `build`; see `from_spec`.

    Raises:
        ArtifactError: the spec is malformed, or names a class that is not trusted.
    """
    name, options, *_ = _checked(spec)
    return functools.partial(_public(name) or _trusted(name, trusted), **options)


def _name(target: Callable[..., Any]) -> str:
    """The name by which a spec calls a net's class or function: lightexp's own by their public name, others by their module."""
    if _public(name := f"{_PACKAGE}.{getattr(target, '__name__', '')}") is target:
        return name
    if not hasattr(target, "__qualname__"):
        raise ConfigError(f"{target!r} is not a net's class or a function that returns one: make it either")
    return f"{target.__module__}.{target.__qualname__}"


def _parts(factory: Any) -> tuple[Callable[..., Any], tuple, dict[str, Any]]:
    if isinstance(factory, functools.partial):
        return factory.func, factory.args, factory.keywords
    return factory, (), {}


def _accepted(target: Callable[..., Any]) -> list[str]:
    """The names of the arguments of `target`; those behind a `**` remain unknown."""
    try:
        parameters = inspect.signature(target).parameters.values()
    except (TypeError, ValueError) as error:
        raise ConfigError(f"{_name(target)} does not say which arguments it takes: wrap it in a function") from error
    return [p.name for p in parameters if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)]


def _checked(spec: Any) -> tuple[str, dict[str, Any], tuple[int, ...], int, Any]:
    match spec:
        case {"net": str(name), "args": dict(options), "input_shape": list(shape), "classes": int(classes), **more} if (
            more.keys() <= {"surgery"}
        ):
            named = name.isprintable() and 0 < len(name) <= 300 and all(str(option).isidentifier() for option in options)
            sized = 1 <= len(shape) <= 4 and all(type(size) is int and 0 < size <= _MOST for size in [classes, *shape])
            if named and sized:
                return name, options, tuple(shape), classes, more.get("surgery", [])
    raise ArtifactError(
        "the file's description of its net is damaged: it must hold net, args, input_shape (1 to 4 sizes) and classes, "
        f"with sizes from 1 to {_MOST}, and nothing else but surgery"
    )


def _public(name: str) -> Callable[..., nn.Module] | None:
    from lightexp import models  # the package imports this module

    package, _, attribute = name.rpartition(".")
    if package != _PACKAGE or attribute not in models.__all__:
        return None
    target = getattr(models, attribute)
    is_net = isinstance(target, type) and issubclass(target, nn.Module)
    return target if is_net or target is models.torchvision_net else None


def _trusted(name: str, trusted: Any) -> Callable[..., nn.Module]:
    if trusted is not True and callable(trusted):
        return trusted
    if trusted is not True:
        raise ArtifactError(f"the file's net is {name}, which is not lightexp's: pass net=TheClass, or trust=True (--trust)")
    try:
        target = pkgutil.resolve_name(name)
    except Exception as error:  # importing runs the module, which may fail in any way
        raise ArtifactError(f"the file's net {name} cannot be imported: {_line(error)}; pass net=TheClass") from error
    if not callable(target):
        raise ArtifactError(f"the file's net {name} is neither a class nor a function: pass net=TheClass")
    return target


def _line(error: BaseException) -> str:
    return str(error).partition("\n")[0][:300] or type(error).__name__
