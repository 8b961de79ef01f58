"""Values of settings, as a YAML, a csv and a run write them."""

from pathlib import PurePath
from typing import Annotated, Any

import pandas as pd
from pydantic import BeforeValidator

Scalar = bool | int | float | str | None

Names = Annotated[tuple[str, ...], BeforeValidator(lambda given: (given,) if isinstance(given, str) else given)]
"""One name, or some."""

Wanted = Annotated[tuple[Scalar, ...], BeforeValidator(lambda given: given if isinstance(given, list | tuple) else (given,))]
"""One value, or some."""


def normal(value: Any) -> Any:
    """None, a number, or text in place of a bool; of a path, its last part; a list as it is typed."""
    if pd.isna(value):
        return None
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str) and value.startswith("["):
        return value.replace("'", "").replace(", ", ",")
    return PurePath(value).name if isinstance(value, str) and value.startswith("/") else value


def plain(value: Any) -> str:
    """A setting as people read it."""
    return "–" if value is None else f"{value:.6g}" if isinstance(value, float) else str(value)


def same(one: Any, other: Any) -> bool:
    """Whether two values are one setting, though one of them be written as text."""
    one, other = normal(one), normal(other)
    return one == other or plain(one) == plain(other)
