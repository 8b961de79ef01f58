"""Specs: immutable, validated descriptions of what to do, and the digest that names each of them.

A criterion, a stage, a data set, a net are all specs, so a config, a Python call and a stored result agree on one
description, and equal descriptions have equal keys.
"""

import functools
import hashlib
import inspect
import json
import sys
from dataclasses import fields, is_dataclass
from enum import Enum
from pathlib import Path
from typing import Any

from pydantic import ConfigDict
from pydantic.dataclasses import dataclass

from lightexp.errors import ConfigError
from lightexp.sources import KNOWN, own_files

spec = functools.partial(
    dataclass,
    frozen=True,
    config=ConfigDict(extra="forbid", arbitrary_types_allowed=True, allow_inf_nan=False),
)
"""Class decorator: a frozen dataclass whose fields are checked against their types when it is made (by pydantic)."""


def describe(value: Any) -> Any:
    """What `value` is, as plain JSON data: the part of it that decides a result.

    Dataclasses become `{"_target_": name, field: …}`, partials and classes their qualified name and arguments. A class or
    function from outside lightexp and torch carries a digest of its source file as well, so that an edited one is another one, and
    of the user's own files that this one imports.

    Raises:
        ConfigError: the object cannot be described, so a result made with it could not be named: a lambda, a function with
            variables of the one around it, an object that is no dataclass.
    """
    match value:
        case None | bool() | int() | float() | str():
            return value
        case Enum():
            return value.value
        case Path():
            return str(value)
        case list() | tuple():
            return [describe(item) for item in value]
        case dict():
            return {str(name): describe(item) for name, item in value.items()}
        case functools.partial():
            positional = {"_args_": describe(value.args)} if value.args else {}
            return describe(value.func) | positional | describe(value.keywords)
    if hasattr(value, "__describe__") and not isinstance(value, type):
        return value.__describe__()
    if is_dataclass(value) and not isinstance(value, type):
        return describe(type(value)) | {f.name: describe(getattr(value, f.name)) for f in fields(value)}
    if isinstance(value, type) or inspect.isroutine(value):
        return {"_target_": f"{value.__module__}.{value.__qualname__}"} | _captured(value) | _foreign_source(value)
    raise ConfigError(
        f"{type(value).__module__}.{type(value).__qualname__} cannot be part of a run's key: make it a dataclass, "
        "a functools.partial or a plain function"
    )


def digest(*parts: Any) -> str:
    """SHA-256 of the canonical JSON of `parts`, as 64 hexadecimal digits."""
    return hashlib.sha256(json.dumps(parts, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def _foreign_source(target: Any) -> dict[str, str]:
    module = target.__module__
    if module.split(".")[0] in KNOWN:
        return {}
    file = getattr(sys.modules.get(module), "__file__", None)
    total = hashlib.sha256(Path(file).read_bytes() if file else _source_text(target))
    for other in own_files(module) if file else []:
        total.update(other.read_bytes())
    return {"_source_": total.hexdigest()[:16]}


def _captured(target: Any) -> dict[str, Any]:
    """What a name leaves open: the object of a bound method, the defaults of a function that another one made."""
    functions = [one for one in (vars(target).values() if isinstance(target, type) else [target]) if inspect.isfunction(one)]
    if isinstance(target, type):  # without those that dataclasses make
        file = getattr(sys.modules.get(target.__module__), "__file__", None)
        functions = [one for one in functions if one.__code__.co_filename == file]
    if "<lambda>" in target.__qualname__ or any(set(one.__code__.co_freevars) - {"__class__"} for one in functions):
        raise ConfigError(
            f"{target.__module__}.{target.__qualname__} cannot be part of a run's key, since a lambda has no name and what a "
            "function takes from around it is not seen: make it a functools.partial of a function of a module, or a dataclass"
        )
    owner = getattr(target, "__self__", None)
    bound = {} if owner is None or inspect.ismodule(owner) else {"_self_": describe(owner)}
    made = [one for one in functions if "<locals>" in one.__qualname__ and (one.__defaults__ or one.__kwdefaults__)]
    return bound | {f"{one.__name__}=": describe([one.__defaults__, one.__kwdefaults__]) for one in made}


def _source_text(target: Any) -> bytes:
    try:
        return inspect.getsource(target).encode()
    except (OSError, TypeError) as error:
        raise ConfigError(
            f"the source of {target.__module__}.{target.__qualname__} cannot be read: put it in a file"
        ) from error
