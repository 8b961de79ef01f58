"""Numbers from a net that was decoded from its file."""

from lightexp.measure.accuracy import Score, score
from lightexp.measure.cost import layer_macs
from lightexp.measure.latency import Latency, in_turn
from lightexp.measure.layers import layer_rows

__all__ = ["Latency", "Score", "in_turn", "layer_macs", "layer_rows", "score"]
