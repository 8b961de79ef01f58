"""Quantization and weight sharing as a stage."""

from torch import nn

from lightexp.quantize import LayerWeight, Quantizer
from lightexp.quantize import Uniform as UniformQuantizer
from lightexp.reparam import layers, mask_of, set_quantizer
from lightexp.spec import spec
from lightexp.stages.stage import Context, Stage


@spec
class Quantize(Stage):
    """Replace every weight by a code of the quantizer; a `Fit` behind it trains the codebooks, or straight through the steps."""

    quantizer: Quantizer = UniformQuantizer()

    def __call__(self, model: nn.Module, context: Context) -> nn.Module:
        found = layers(model)
        weights = {name: LayerWeight(module.weight.detach(), mask_of(module)) for name, module in found.items()}
        for name, parametrization in self.quantizer.fit(weights, context.seed).items():
            set_quantizer(found[name], parametrization)
        return model
