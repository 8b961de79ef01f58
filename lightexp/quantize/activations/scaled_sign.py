from lightexp.quantize.activations.sign import SignActivation
from lightexp.spec import spec
from lightexp.surgery import ScaledSignInput


@spec
class ScaledSignActivation(SignActivation):
    """`SignActivation` whose products are scaled by K, the mean |x| that each output looks at (Rastegari et al. 2016, XNOR-Net).

    conv(x, w) ≈ K ⊙ (sign x ⊛ sign w) · α; the weights' part of it is `BWN`.
    """

    def edit(self, layer: str) -> ScaledSignInput:
        return ScaledSignInput(layer)
