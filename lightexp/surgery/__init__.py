"""Changes of a net's modules that its file must tell, so that a fresh net can be given them again before its weights.

A net carries what was done to it: `surgery_of` reads that as JSON data, `operate` does the same to a fresh net, whose state is
loaded afterwards. The kinds of change are those named here and no others, since the data may come from a stranger's file.
"""

from lightexp.surgery.bottleneck import Bottleneck
from lightexp.surgery.clipped_input import ClippedInput
from lightexp.surgery.edit import Addition, Edit, Replacement
from lightexp.surgery.inherited_input import InheritedInput
from lightexp.surgery.learned_step_input import LearnedStepInput
from lightexp.surgery.low_rank import LowRank
from lightexp.surgery.operate import operate, surgery_of
from lightexp.surgery.outlet import Outlet
from lightexp.surgery.quantized_input import InputGrid, QuantizedInput, input_bits
from lightexp.surgery.separable import Separable
from lightexp.surgery.sign_input import ScaledSignInput, SignInput
from lightexp.surgery.uniform_input import UniformInput
from lightexp.surgery.widths import Widths

__all__ = [
    "Addition",
    "Bottleneck",
    "ClippedInput",
    "Edit",
    "InheritedInput",
    "InputGrid",
    "LearnedStepInput",
    "LowRank",
    "Outlet",
    "QuantizedInput",
    "Replacement",
    "ScaledSignInput",
    "Separable",
    "SignInput",
    "UniformInput",
    "Widths",
    "input_bits",
    "operate",
    "surgery_of",
]
