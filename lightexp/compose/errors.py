"""Other libraries' errors, told in one line."""

import re

from hydra.errors import HydraException, InstantiationException
from omegaconf.errors import OmegaConfBaseException
from pydantic import ValidationError
from yaml import YAMLError

from lightexp.compose.resolvers import conf_folder
from lightexp.errors import LightexpError


_WITHOUT_PACKAGE = "a file of experiment/ must begin with the line `# @package _global_`"


def explain(error: BaseException) -> str | None:
    """One line for the user if the error is of his making; None if it is a fault of ours, whose traceback is wanted."""
    match error:
        case LightexpError():
            return " ".join(str(error).split())
        case InstantiationException():
            return _instantiation(error)
        case ValidationError():
            return _validation(error, "")
        case OmegaConfBaseException():
            return f"config: {_first_lines(error)}"
        case HydraException():
            cause = error.__cause__ if isinstance(error.__cause__, (LightexpError, YAMLError)) else None
            return explain(cause) if cause else f"config: {_of_one_stage(str(error)) or _first_lines(error)}"
        case OSError():
            return f"{error.filename or 'the system'}: {error.strerror or error}"
        case YAMLError():
            return "config: broken YAML, " + " ".join(str(error).split())
    return None


def _instantiation(error: InstantiationException) -> str:
    where = re.search(r"full_key: (\S+)", str(error))
    place = where.group(1) if where else "config"
    cause = error.__cause__
    while isinstance(cause, InstantiationException) and cause.__cause__ is not None:
        cause = cause.__cause__
    if isinstance(cause, ValidationError):
        return _validation(cause, f"{place}.")
    if isinstance(cause, LightexpError):
        return f"{place}: {explain(cause)}"
    if cause is None:
        return f"{place}: {_first_lines(error)}"
    return f"{place}: {' '.join(str(cause).split())}"


def _validation(error: ValidationError, prefix: str) -> str:
    first = error.errors()[0]
    path = ".".join(str(part) for part in first["loc"] if not str(part).startswith(("function", "is-instance", "constrained")))
    given = "" if first["type"] == "unexpected_keyword_argument" else f" (given: {first['input']!r})"
    group, place = path.rpartition(".")[2], f"{prefix}{path}"
    named = isinstance(first["input"], str) and (conf_folder() / group / f"{first['input']}.yaml").is_file()
    hint = f"; for this stage alone type {_own(group, place, first['input'])}" if named else ""
    return f"{place}: {first['msg'][0].lower()}{first['msg'][1:]}{given}{hint}"


def _of_one_stage(said: str) -> str | None:
    """What to type where an override goes below what all stages have in common."""
    found = re.search(r"override '\+*((stages\.\S+)\.(\w+))\.[^\s']+'\.", said)
    if found is None or not (conf_folder() / found[3]).is_dir():
        return None
    place, _, group = found.groups()
    return f"{place} is the {group} of all stages: give this one its own first, {_own(group, place, f'NAME, one of {_choices(group)}')}"


def _own(group: str, place: str, name: str) -> str:
    return f"+{group}@{place}={name}"


def _choices(group: str) -> str:
    return ", ".join(sorted(file.stem for file in (conf_folder() / group).glob("*.yaml")))


def _first_lines(error: BaseException) -> str:
    if "@experiment." in str(error):
        return f"{_WITHOUT_PACKAGE}: {str(error).partition(chr(10))[0]}"
    return " ".join(re.split(r"\s*(?:full_key:|Set the environment variable|Config search path)", str(error))[0].split())
