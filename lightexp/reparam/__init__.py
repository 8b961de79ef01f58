"""What holds a weight to a constraint while it trains: masks and quantizers as parametrizations of `module.weight`."""

from lightexp.reparam.code import WeightCode
from lightexp.reparam.codebook import Codebook
from lightexp.reparam.layers import (
    codes_of,
    latent,
    layers,
    mask_module,
    mask_of,
    plain_type,
    quantizer_of,
    reads_weight,
    rebuild,
    reorder,
    set_mask,
    set_quantizer,
    spec_of,
    strip,
)
from lightexp.reparam.learned_step import LearnedStep
from lightexp.reparam.mask import Mask
from lightexp.reparam.reduce import reduced
from lightexp.reparam.scaled import Scaled
from lightexp.reparam.sign import FilterSign, Sign, StochasticSign
from lightexp.reparam.sign_bases import SignBases
from lightexp.reparam.tanh_uniform import TanhUniform
from lightexp.reparam.ternary import Ternary
from lightexp.reparam.weight_quantizer import WeightQuantizer

__all__ = [
    "Codebook",
    "FilterSign",
    "LearnedStep",
    "Mask",
    "Scaled",
    "Sign",
    "SignBases",
    "StochasticSign",
    "TanhUniform",
    "Ternary",
    "WeightCode",
    "WeightQuantizer",
    "codes_of",
    "latent",
    "layers",
    "mask_module",
    "mask_of",
    "plain_type",
    "quantizer_of",
    "reads_weight",
    "rebuild",
    "reduced",
    "reorder",
    "set_mask",
    "set_quantizer",
    "spec_of",
    "strip",
]
