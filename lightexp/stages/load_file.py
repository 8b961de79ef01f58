"""A compressed file as a net to go on from, or to learn from."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property, partial
from pathlib import Path
from typing import Any, ClassVar

import torch
from torch import nn

from lightexp.artifact import decode, parse
from lightexp.artifact.made_for import check_made_for
from lightexp.data import Splits
from lightexp.errors import ArtifactError, ConfigError
from lightexp.models import build
from lightexp.models.build import factory_of
from lightexp.spec import spec
from lightexp.stages.chain import Chain
from lightexp.stages.load import Load
from lightexp.stages.stage import Context


@spec
class LoadFile(Load):
    """Put the net of a `.lxp` file in the place of the net: plain, with what was done to its modules done to it.

    trust: import a net that is neither lightexp's nor torchvision's by the name in the file, which runs its author's code.

    Raises:
        ArtifactError: the file cannot be read, is damaged, or its net is not trusted.
    """

    codes: ClassVar[bool] = False

    trust: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        self.factory()

    @cached_property
    def header(self) -> dict[str, Any]:
        with self._named():
            return parse(self.content()).header

    def factory(self) -> partial:
        """What makes the net of the file before anything was done to it."""
        described = self.header.get("model")
        with self._named():
            return factory_of(described, self.trust)

    def net(self) -> nn.Module:
        with self._named():
            return decode(self.content(), trust=self.trust)

    def check_data(self, data: Splits) -> None:
        check_made_for(self.header, data, self.path)

    def check(self, model: nn.Module) -> None:
        self.check_tensors(self._plain().state_dict(), model)
        self.net()

    def check_both(self, model: nn.Module, data: Splits) -> None:
        plain = self._plain().to(data.train.x.device).eval()
        plain.load_state_dict(model.state_dict())
        inputs, _ = data.batch(data.train, torch.arange(2))
        with torch.no_grad():
            alike = torch.allclose(plain(inputs), model(inputs), atol=1e-4)
        if not alike:
            raise ConfigError(
                f"{self.path} holds another {type(plain).__name__}, which answers otherwise with the same weights: "
                f"give model= the options that its net has: {self.header['model']['args']}"
            )

    def _plain(self) -> nn.Module:
        return build(self.factory(), tuple(self.header["model"]["input_shape"]), self.header["model"]["classes"])

    def __call__(self, model: nn.Module, context: Context) -> nn.Module:
        return self.net().to(context.data.train.x.device)

    @contextmanager
    def _named(self) -> Iterator[None]:
        try:
            yield
        except ArtifactError as error:
            raise ArtifactError(f"{self.path}: {error}") from error


def file_chain(path: str | Path, trust: bool = False) -> Chain:
    """The net of a `.lxp` file as a chain of one stage, so that it can be a teacher; see `LoadFile`."""
    load = LoadFile(path, trust)
    return Chain(load.factory(), {"load": load})
