from lightexp.quantize.binary_connect import BinaryConnect
from lightexp.reparam import Sign, StochasticSign
from lightexp.spec import spec


@spec
class StochasticBinaryConnect(BinaryConnect):
    """`BinaryConnect` with P(w = +H) = clip((v/H + 1)/2, 0, 1) while training, and the sign in the file (Courbariaux et al. 2015)."""

    @staticmethod
    def _module() -> type[Sign]:
        return StochasticSign
