"""Gradient checkpointing of a net that stays as it is."""

from collections.abc import Collection
from contextlib import AbstractContextManager, nullcontext
from typing import Literal

from torch import Tensor, nn

from lightexp.train.cut import cut


def checkpointing(
    net: nn.Module, segments: int | Literal["sqrt"] | None, inputs: Tensor, whole: Collection[str] = ()
) -> AbstractContextManager[None]:
    """Within it, which may be entered again and again, `net` computes in segments; see `cut`.

    The net's tree of modules, the names in its state and the hooks on it do not change; only its forward is another one for
    the time being. segments: None changes nothing.

    Raises:
        ConfigError: the net cannot be cut.
    """
    return nullcontext() if segments is None else _Segmented(net, cut(net, segments, inputs, whole))


class _Segmented:
    def __init__(self, net: nn.Module, segments: nn.Module) -> None:
        self._net, self._forward = net, segments.forward

    def __enter__(self) -> None:
        self._net.__dict__["forward"] = self._forward

    def __exit__(self, *failure: object) -> None:
        del self._net.__dict__["forward"]
