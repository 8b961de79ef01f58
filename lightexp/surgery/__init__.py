"""Changes of a net's modules that its file must tell, so that a fresh net can be given them again before its weights.

A net carries what was done to it: `surgery_of` reads that as JSON data, `operate` does the same to a fresh net, whose state is
loaded afterwards. The kinds of change are those named here and no others, since the data may come from a stranger's file.
"""

from lightexp.surgery.bottleneck import Bottleneck
from lightexp.surgery.edit import Addition, Edit, Replacement
from lightexp.surgery.low_rank import LowRank
from lightexp.surgery.operate import operate, surgery_of
from lightexp.surgery.separable import Separable

__all__ = ["Addition", "Bottleneck", "Edit", "LowRank", "Replacement", "Separable", "operate", "surgery_of"]
