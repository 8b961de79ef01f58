"""From a net to what was done to it, and back."""

import inspect
from typing import Any

from torch import nn

from lightexp.errors import ArtifactError
from lightexp.surgery.edit import Edit
from lightexp.surgery.widths import Widths


def surgery_of(model: nn.Module) -> list[dict[str, Any]]:
    """The edits that a net carries, as JSON data, in an order in which they can be done again.

    Outer modules come before inner ones, and the widths that all have in the end come last.
    """
    edits = [edit for module in model.modules() if isinstance(edit := getattr(module, "edit", None), Edit)]
    found = [edit.data() for edit in edits if not isinstance(edit, Widths)]
    return found if len(found) == len(edits) else [*found, Widths.of(model).data()]


def operate(model: nn.Module, surgery: Any) -> nn.Module:
    """Do to a fresh net what `surgery_of` found; changes `model`. The data may come from a stranger.

    Raises:
        ArtifactError: it is no list of edits that lightexp knows, or one does not fit the net.
    """
    if not isinstance(surgery, list):
        raise ArtifactError("the surgery of the file's net is not a list")
    for entry in surgery:
        try:
            _edit(entry).apply(model)
        except (AttributeError, TypeError, ValueError) as error:
            raise ArtifactError(f"the file's net cannot be changed by {repr(entry)[:200]}") from error
    return model


def _edit(entry: Any) -> Edit:
    from lightexp import surgery  # the package imports this module

    options = dict(entry)
    name = options.pop("edit", None)
    kind = getattr(surgery, name) if name in surgery.__all__ else None
    if not (isinstance(kind, type) and issubclass(kind, Edit)) or inspect.isabstract(kind):
        raise ValueError(f"lightexp knows no edit {name!r}")
    return kind(**options)
