"""Which channels of a net go together, how many to take away, and taking them away."""

from lightexp.slim.amount import Amount
from lightexp.slim.channels import Channels
from lightexp.slim.choice import Step, steps
from lightexp.slim.cut import cut
from lightexp.slim.group import Group
from lightexp.slim.latency import Latency
from lightexp.slim.macs import MACs
from lightexp.slim.params import Params
from lightexp.slim.trace import Traced, trace

__all__ = ["Amount", "Channels", "Group", "Latency", "MACs", "Params", "Step", "Traced", "cut", "steps", "trace"]
