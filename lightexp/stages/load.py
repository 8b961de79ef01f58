"""Nets that were trained elsewhere."""

import hashlib
from abc import ABC
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from lightexp.artifact import read
from lightexp.errors import ConfigError
from lightexp.spec import describe, spec
from lightexp.stages.stage import Stage


@spec
class Load(Stage, ABC):
    """Takes the net's tensors from a file, where a training would stand. What the file holds is part of the key, and not its name.

    path: of the file.

    Raises:
        ArtifactError: it cannot be read.
    """

    path: Path

    def __post_init__(self) -> None:
        self.content()

    def content(self) -> bytes:
        """The bytes of the file, which are those that the key names.

        Raises:
            ConfigError: they have changed since the stage was made.
        """
        content = read(self.path)
        if hashlib.sha256(content).hexdigest() != self._digest:
            raise ConfigError(f"{self.path} was changed while the run was going on: leave it alone and run again")
        return content

    @cached_property
    def _digest(self) -> str:
        return hashlib.sha256(read(self.path)).hexdigest()

    def __describe__(self) -> dict[str, Any]:
        return describe(type(self)) | {"content": self._digest}

    def check_tensors(self, given: Mapping[str, Tensor], model: nn.Module) -> None:
        """Complain unless the tensors have the names and the shapes of those of the net."""
        own = model.state_dict()
        for name in own | given:
            here, there = (list(state[name].shape) if name in state else None for state in (own, given))
            if here != there:
                raise ConfigError(
                    f"{self.path} does not hold the tensors of {type(model).__name__}: {name} is {there or 'not there'}, and "
                    f"the net's {here or 'not there'}: name the net that it was saved from"
                )
