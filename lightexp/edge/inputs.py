"""Quantizers of layers' inputs as ONNX has them."""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from lightexp.reparam import layers
from lightexp.surgery import InheritedInput, InputGrid, QuantizedInput, SignInput

FLOAT = "its input is float"


class QuantizeDequantize(nn.Module):
    """QuantizeLinear and DequantizeLinear of a grid of up to 256 integers, between them a Clip where it has fewer.

    Only for tracing: it has no values. The integers are uint8, those of the grid less its lowest: the zero-point is −lowest.
    """

    def __init__(self, grid: InputGrid) -> None:
        super().__init__()
        self.clips = grid.highest - grid.lowest < 255
        self.register_buffer("step", grid.step.detach().float().reshape(()).clone())
        self.register_buffer("zero", torch.tensor(-grid.lowest, dtype=torch.uint8))
        self.register_buffer("bottom", torch.tensor(0, dtype=torch.uint8))
        self.register_buffer("top", torch.tensor(grid.highest - grid.lowest, dtype=torch.uint8))

    def forward(self, x: Tensor) -> Tensor:
        symbolic, like = torch.onnx.ops.symbolic, {"dtype": torch.uint8, "shape": x.shape}
        integers = symbolic("QuantizeLinear", (x, self.step, self.zero), **like)
        if self.clips:
            integers = symbolic("Clip", (integers, self.bottom, self.top), **like)
        return symbolic("DequantizeLinear", (integers, self.step, self.zero), dtype=torch.float32, shape=x.shape)


class Rounded(nn.Module):
    """Δ · round(clamp(x/Δ, lowest, highest)) in floats, without what the quantizers do for training."""

    def __init__(self, grid: InputGrid) -> None:
        super().__init__()
        self.lowest, self.highest = grid.lowest, grid.highest
        self.register_buffer("step", grid.step.detach().float().reshape(()).clone())

    def forward(self, x: Tensor) -> Tensor:
        return torch.round((x / self.step).clamp(self.lowest, self.highest)) * self.step


def show_grids(net: nn.Module, shown: Callable[[InputGrid], nn.Module]) -> dict[str, str]:
    """Put what `shown` makes in the place of the input quantizers whose grid has up to 256 integers; changes `net`.

    Returns:
        Of each layer whose input comes on no such grid, why not.
    """
    lacking = {name: why for name, layer in layers(net).items() if (why := _lacking(layer))}
    for part in [part for part in net.modules() if hasattr(part, QuantizedInput.attribute) and not _lacking(part)]:
        quantizer = getattr(part, QuantizedInput.attribute)
        if not isinstance(quantizer.edit, InheritedInput):
            made = shown(quantizer.grid())
            # A sign is no rounding: its own operators give ±1, which are on the grid.
            made = nn.Sequential(quantizer, made) if isinstance(quantizer.edit, SignInput) else made
            part.add_module(QuantizedInput.attribute, made.eval())
    return lacking


def _lacking(part: nn.Module) -> str | None:
    """Why the input of a module comes on no grid of up to 256 integers; None if it does."""
    quantizer = getattr(part, QuantizedInput.attribute, None)
    if quantizer is None:
        return FLOAT
    if isinstance(quantizer.edit, InheritedInput):
        return "its input takes more than 8 bits" if quantizer.edit.bits > 8 else None
    grid = quantizer.grid()
    if grid is None:
        return "the scale of its input varies with the sample"
    return "its input takes more than 8 bits" if grid.highest - grid.lowest > 255 else None
