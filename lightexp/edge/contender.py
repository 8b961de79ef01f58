"""What is measured against one another: nets ready to be run."""

from dataclasses import dataclass
from typing import Protocol

import torch
from torch import nn

from lightexp.edge.memory import peak_bytes
from lightexp.edge.session import Run, session


class Contender(Protocol):
    """file: its name. form: "dense float32", "float32", "int8", "dynamic int8" or "onnx". input_shape: of one sample."""

    file: str
    form: str
    input_shape: tuple[int, ...]

    @property
    def size_bytes(self) -> int: ...

    def ready(self, threads: int) -> Run:
        """The net as a function of a batch, in so many threads."""

    def peak_bytes(self, batch: int) -> int | None: ...


@dataclass(frozen=True)
class OnnxNet:
    """An ONNX file."""

    file: str
    form: str
    input_shape: tuple[int, ...]
    content: bytes

    @property
    def size_bytes(self) -> int:
        return len(self.content)

    def ready(self, threads: int) -> Run:
        return session(self.content, f"{self.file} ({self.form})", threads)

    def peak_bytes(self, batch: int) -> int | None:
        return peak_bytes(self.content, batch)


@dataclass(frozen=True)
class TorchNet:
    """A net in torch itself, which computes in floats whatever the file holds. Its size is that of its state."""

    file: str
    form: str
    input_shape: tuple[int, ...]
    net: nn.Module

    @property
    def size_bytes(self) -> int:
        return sum(tensor.numel() * tensor.element_size() for tensor in self.net.state_dict().values())

    def ready(self, threads: int) -> Run:
        torch.set_num_threads(threads)
        return torch.inference_mode()(lambda batch: self.net(torch.from_numpy(batch)).numpy())

    def peak_bytes(self, batch: int) -> None:
        return None
