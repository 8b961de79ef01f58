from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lightexp.ops.gradients import straight_through
from lightexp.spec import spec
from lightexp.surgery.quantized_input import InputGrid, QuantizedInput


@spec
class SignInput(QuantizedInput):
    """x ↦ sign(x − c) of ±1, +1 at c, with the gradient of clamp(x − c, −1, 1)."""

    bits: ClassVar[int] = 1

    def make(self, layer: nn.Module) -> nn.Module:
        return _Sign()


class _Sign(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("centre", torch.zeros(()))

    def grid(self) -> InputGrid | None:
        return InputGrid(torch.ones(()), -1, 1)

    def forward(self, x: Tensor) -> Tensor:
        shifted = x - self.centre
        return straight_through(torch.where(shifted < 0, -1.0, 1.0).to(x), shifted.clamp(-1, 1))


@spec
class ScaledSignInput(SignInput):
    """`SignInput` for which the layer gives K ⊙ (its product with the signs) + bias.

    K is the mean |x − c| of all that an output looks at: over the features of a linear layer; of a convolution over the channels
    and then over the window of its kernel.
    """

    def make(self, layer: nn.Module) -> nn.Module:
        return _ScaledSign()

    def apply(self, model: nn.Module) -> nn.Module:
        layer = model.get_submodule(self.layer)
        if not isinstance(layer, nn.Linear | nn.Conv2d) or getattr(layer, "dilation", (1, 1)) not in (1, (1, 1)):
            raise ValueError("only a linear layer or an undilated two-dimensional convolution is scaled so")
        # The hook stays when another edit takes the module's place, and then does nothing.
        layer.register_forward_hook(_scale)
        return super().apply(model)


class _ScaledSign(_Sign):
    def grid(self) -> None:
        return None

    def forward(self, x: Tensor) -> Tensor:
        self.size = (x - self.centre).abs()
        return super().forward(x)


def _scale(layer: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> Tensor:
    quantizer = getattr(layer, QuantizedInput.attribute)
    if not isinstance(quantizer, _ScaledSign):
        return output
    # Not kept beyond the pass: it is part of this pass's graph.
    size = quantizer.__dict__.pop("size")
    if isinstance(layer, nn.Linear):
        scale, bias = size.mean(-1, keepdim=True), layer.bias
    else:
        padding = layer.padding
        if isinstance(padding, str):
            padding = tuple(side // 2 for side in layer.kernel_size) if padding == "same" else 0
        scale = F.avg_pool2d(size.mean(1, keepdim=True), layer.kernel_size, layer.stride, padding)
        bias = None if layer.bias is None else layer.bias[:, None, None]
    return output * scale if bias is None else (output - bias) * scale + bias
