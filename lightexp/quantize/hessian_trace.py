from lightexp.quantize.quantizer import LayerWeight, Probe
from lightexp.quantize.sensitivity import Sensitivity
from lightexp.reparam import WeightCode
from lightexp.spec import spec


@spec
class HessianTrace(Sensitivity):
    """Mean curvature times squared error, Tr(H)/n · ‖Q(w) − w‖², n the layer's weights that are not pruned.

    (HAWQ-V2, Dong et al. 2020.) Away from a minimum a trace may be negative; then it counts by its size, since a large
    curvature of either sign says that the loss depends on the layer.
    """

    def __call__(
        self, weights: dict[str, LayerWeight], codes: dict[str, dict[int, WeightCode]], probe: Probe
    ) -> dict[str, dict[int, float]]:
        traces, costs = probe.hessian_trace(), {}
        for name, (weight, mask) in weights.items():
            curvature = abs(traces[name]) / max(1, int(mask.sum()))
            costs[name] = {
                bits: curvature * float((code.decode() - weight).double().square().sum()) for bits, code in codes[name].items()
            }
        return costs
