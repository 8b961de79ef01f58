from functools import partial
from typing import Any, ClassVar

from torch import Tensor, nn

from lightexp.spec import spec
from lightexp.surgery.edit import Addition


@spec
class Outlet(Addition):
    """Lets what a module gives pass through `outlet`, which leaves it as it is until it is given an input quantizer itself."""

    attribute: ClassVar[str] = "outlet"

    def make(self, layer: nn.Module) -> nn.Module:
        return nn.Identity()

    def attach(self, layer: nn.Module) -> None:
        layer.register_forward_hook(partial(_pass, self.attribute))


def _pass(attribute: str, layer: nn.Module, inputs: tuple[Any, ...], output: Tensor) -> Tensor:
    return getattr(layer, attribute)(output)
