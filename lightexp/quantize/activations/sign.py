from torch import Tensor

from lightexp.quantize.activations.activation import ActivationQuantizer
from lightexp.spec import spec
from lightexp.surgery import SignInput


@spec
class SignActivation(ActivationQuantizer):
    """x ↦ sign(x) of ±1, with the gradient of a hard tanh (Courbariaux et al. 2016, BNN).

    Behind a ReLU nothing is negative and the sign would be constant: there x ↦ sign(x − mean x). Nets made for signs have a
    BatchNorm before each layer and no ReLU, as `model=bn_mlp`.
    """

    def fit(self, layer: str, samples: Tensor) -> tuple[SignInput, dict[str, Tensor]]:
        return self.edit(layer), {"centre": samples.new_zeros(()) if (samples < 0).any() else samples.mean()}

    def edit(self, layer: str) -> SignInput:
        return SignInput(layer)
