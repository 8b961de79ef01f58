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
    set_mask,
    set_quantizer,
    spec_of,
    strip,
)
from lightexp.reparam.mask import Mask
from lightexp.reparam.scaled import Scaled

__all__ = [
    "Codebook",
    "Mask",
    "Scaled",
    "WeightCode",
    "codes_of",
    "latent",
    "layers",
    "mask_module",
    "mask_of",
    "plain_type",
    "quantizer_of",
    "reads_weight",
    "rebuild",
    "set_mask",
    "set_quantizer",
    "spec_of",
    "strip",
]
