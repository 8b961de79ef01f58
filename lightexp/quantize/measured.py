from lightexp.quantize.quantizer import LayerWeight, Probe
from lightexp.quantize.sensitivity import Sensitivity
from lightexp.reparam import WeightCode
from lightexp.spec import spec


@spec
class Measured(Sensitivity):
    """The rise of the training loss when that layer alone is quantized, in nats (as in Wu et al. 2018, one layer at a time).

    A pass over the probe's batches for each layer and number of bits.
    """

    def __call__(
        self, weights: dict[str, LayerWeight], codes: dict[str, dict[int, WeightCode]], probe: Probe
    ) -> dict[str, dict[int, float]]:
        whole = probe.loss({})
        return {
            name: {bits: probe.loss({name: code.decode()}) - whole for bits, code in found.items()}
            for name, found in codes.items()
        }
