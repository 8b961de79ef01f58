"""How a training is computed."""

from typing import Annotated, Literal

from pydantic import Field

from lightexp.spec import spec


@spec
class Trainer:
    """How trainings are computed: what they need of the machine, not what comes out, so no key depends on it.

    checkpointing: gradient checkpointing (Chen et al. 2016): the net is cut into so many segments, of which only the inputs are
    kept for the backward pass; what lies within is computed again there. "sqrt" cuts n pieces into √n segments, which takes
    memory like √n and about a third more time. None keeps everything.
    """

    checkpointing: Annotated[int, Field(ge=2)] | Literal["sqrt"] | None = None
