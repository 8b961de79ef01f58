"""Quantizers: they look at the weights of a net and give each layer its integers."""

from lightexp.quantize.affine import Affine
from lightexp.quantize.binary_bases import BinaryBases
from lightexp.quantize.binary_connect import BinaryConnect
from lightexp.quantize.bwn import BWN
from lightexp.quantize.calibration import Calibration
from lightexp.quantize.dorefa import DoReFa
from lightexp.quantize.entropy import Entropy
from lightexp.quantize.hessian_trace import HessianTrace
from lightexp.quantize.kl import KL
from lightexp.quantize.kmeans import KMeans
from lightexp.quantize.lsq import LSQ
from lightexp.quantize.measured import Measured
from lightexp.quantize.min_max import MinMax
from lightexp.quantize.mixed import MixedPrecision
from lightexp.quantize.percentile import Percentile
from lightexp.quantize.quantizer import LayerWeight, Probe, Quantizer
from lightexp.quantize.sensitivity import Sensitivity
from lightexp.quantize.squared_error import SquaredError
from lightexp.quantize.stochastic_binary_connect import StochasticBinaryConnect
from lightexp.quantize.twn import TWN
from lightexp.quantize.uniform import Uniform

__all__ = [
    "BWN",
    "KL",
    "LSQ",
    "TWN",
    "Affine",
    "BinaryBases",
    "BinaryConnect",
    "Calibration",
    "DoReFa",
    "Entropy",
    "HessianTrace",
    "KMeans",
    "LayerWeight",
    "Measured",
    "MinMax",
    "MixedPrecision",
    "Percentile",
    "Probe",
    "Quantizer",
    "Sensitivity",
    "SquaredError",
    "StochasticBinaryConnect",
    "Uniform",
]
