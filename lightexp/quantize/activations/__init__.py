"""Quantizers of what a layer takes in."""

from lightexp.quantize.activations.activation import ActivationQuantizer
from lightexp.quantize.activations.dorefa import DoReFaActivation
from lightexp.quantize.activations.lsq import LSQActivation
from lightexp.quantize.activations.pact import PACT
from lightexp.quantize.activations.scaled_sign import ScaledSignActivation
from lightexp.quantize.activations.sign import SignActivation
from lightexp.quantize.activations.uniform import UniformActivation

__all__ = [
    "PACT",
    "ActivationQuantizer",
    "DoReFaActivation",
    "LSQActivation",
    "ScaledSignActivation",
    "SignActivation",
    "UniformActivation",
]
