"""Quantization and weight sharing as a stage."""

from typing import Annotated, ClassVar

from pydantic import Field
from torch import nn

from lightexp.errors import ConfigError
from lightexp.quantize import LayerWeight, Quantizer
from lightexp.quantize import Uniform as UniformQuantizer
from lightexp.reparam import layers, mask_of, set_quantizer
from lightexp.spec import spec
from lightexp.stages.skip import check_ahead, without
from lightexp.stages.stage import Context, Stage
from lightexp.statistics.probe import DataProbe


@spec
class Quantize(Stage):
    """Replace every weight by a code of the quantizer; a `Fit` behind it trains the codebooks, or straight through the steps.

    batches: training batches of 128 for quantizers that look at the loss. skip: names of layers whose weights stay as they are;
    papers on few bits often spare the first and the last.
    """

    codes: ClassVar[bool] = True

    quantizer: Quantizer = UniformQuantizer()
    batches: Annotated[int, Field(ge=1)] = 20
    skip: tuple[str, ...] = ()

    @property
    def shares(self) -> bool:
        return not (self.quantizer.moves or self.skip)

    def check(self, model: nn.Module) -> None:
        check_ahead(self.skip, model)
        if not layers(model).keys() - set(self.skip):
            raise ConfigError("skip names all layers, so that there is nothing to quantize")
        self.quantizer.check({name: module.weight for name, module in layers(model).items() if name not in self.skip})

    def __call__(self, model: nn.Module, context: Context) -> nn.Module:
        found = without(self.skip, model)
        weights = {name: LayerWeight(module.weight.detach(), mask_of(module)) for name, module in found.items()}
        probe = DataProbe(model, context.data, self.batches, context.seed)
        for name, parametrization in self.quantizer.fit(weights, context.seed, probe).items():
            set_quantizer(found[name], parametrization)
        return model
