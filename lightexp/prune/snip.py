from lightexp.prune.taylor import Taylor
from lightexp.spec import spec


@spec
class SNIP(Taylor):
    """s = |w · ∂L/∂w| of the untrained net (Lee et al. 2019): `Taylor`'s arithmetic, made for `schedule=prune_at_start`.

    The paper divides by the sum over the net, which changes no order.
    """
