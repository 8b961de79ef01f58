from torch import Tensor

from lightexp.ops.uniform import Grid
from lightexp.quantize.uniform import Uniform
from lightexp.spec import spec


@spec
class Affine(Uniform):
    """Integers times a step in a range that need not be symmetric: w ≈ Δ·q, lowest ≤ q ≤ lowest + 2^b − 1 (Jacob et al. 2018).

    The range holds 0, so the zero point −lowest is an integer and a pruned weight is 0 exactly. Fields as in `Uniform`.
    """

    def grid(self, values: Tensor) -> Grid:
        return self.calibration.affine(values, self.bits)
