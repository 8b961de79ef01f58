"""Quantizers: they look at the weights of a net and give each layer its integers."""

from lightexp.quantize.binary_bases import BinaryBases
from lightexp.quantize.binary_connect import BinaryConnect
from lightexp.quantize.bwn import BWN
from lightexp.quantize.dorefa import DoReFa
from lightexp.quantize.kmeans import KMeans
from lightexp.quantize.lsq import LSQ
from lightexp.quantize.quantizer import LayerWeight, Quantizer
from lightexp.quantize.stochastic_binary_connect import StochasticBinaryConnect
from lightexp.quantize.twn import TWN
from lightexp.quantize.uniform import Uniform

__all__ = [
    "BWN",
    "BinaryBases",
    "BinaryConnect",
    "DoReFa",
    "KMeans",
    "LSQ",
    "LayerWeight",
    "Quantizer",
    "StochasticBinaryConnect",
    "TWN",
    "Uniform",
]
