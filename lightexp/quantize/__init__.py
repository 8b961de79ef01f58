"""Quantizers: they look at the weights of a net and give each layer its integers."""

from lightexp.quantize.kmeans import KMeans
from lightexp.quantize.quantizer import LayerWeight, Quantizer
from lightexp.quantize.uniform import Uniform

__all__ = ["KMeans", "LayerWeight", "Quantizer", "Uniform"]
