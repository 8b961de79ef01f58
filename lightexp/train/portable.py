"""What a training needs, for a process that shares no memory with this one."""

import io
import pickle
from typing import Any

import cloudpickle
import torch
from torch import Tensor, nn

from lightexp.reparam import reduced


class _Pickler(cloudpickle.CloudPickler):
    """Pickles closures and parametrized modules too; tensors of a GPU come to the one that the reading process uses."""

    def reducer_override(self, value: Any) -> Any:
        if isinstance(value, nn.Module) and (how := reduced(value)):
            return how
        if isinstance(value, Tensor) and value.is_cuda:
            return _to_gpu, (value.detach().cpu(), isinstance(value, nn.Parameter), value.requires_grad)
        return super().reducer_override(value)


def portable(function: Any, *arguments: Any) -> tuple:
    """How pickle is to make `function(*arguments)`, as a `__reduce__` gives it."""
    content = io.BytesIO()
    _Pickler(content).dump((function, arguments))
    return _call, (content.getvalue(),)


def _call(content: bytes) -> Any:
    function, arguments = pickle.loads(content)
    return function(*arguments)


def _to_gpu(tensor: Tensor, is_parameter: bool, requires_grad: bool) -> Tensor:
    moved = tensor.to(torch.device("cuda", torch.cuda.current_device()))
    return nn.Parameter(moved, requires_grad) if is_parameter else moved.requires_grad_(requires_grad)
