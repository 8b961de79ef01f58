"""What the edits that quantize a layer's input have in common."""

from typing import Annotated, ClassVar, NamedTuple

from pydantic import Field
from torch import Tensor, nn

from lightexp.spec import spec
from lightexp.surgery.edit import Addition

Bits = Annotated[int, Field(strict=True, ge=2, le=16)]


class InputGrid(NamedTuple):
    """The levels of a quantized input: step × the integers from lowest ≤ 0 to highest. step: float32, of one element."""

    step: Tensor
    lowest: int
    highest: int


@spec
class QuantizedInput(Addition):
    """Rounds the input of a layer to a few levels, in training and in the file's net alike.

    What it makes says by `grid()` which levels these are; None if they depend on more than the sign and the size of the input.
    """

    attribute: ClassVar[str] = "input_quantizer"


def input_bits(layer: nn.Module) -> int:
    """Bits of the numbers that a layer takes: 32 if nothing quantizes them."""
    edit = getattr(getattr(layer, QuantizedInput.attribute, None), "edit", None)
    return getattr(edit, "bits", 32)
