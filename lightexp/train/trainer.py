"""How a training is computed."""

from typing import Annotated, Literal

import torch
from pydantic import Field

from lightexp.errors import ConfigError
from lightexp.spec import spec


@spec
class Trainer:
    """How trainings are computed: what they need of the machine, not what comes out, so no key depends on it.

    checkpointing: gradient checkpointing (Chen et al. 2016): the net is cut into so many segments, of which only the inputs are
    kept for the backward pass; what lies within is computed again there. "sqrt" cuts n pieces into √n segments, which takes
    memory like √n and about a third more time. None keeps everything.
    processes: that train together, on this machine: each holds the net and the data and takes its share of every batch, so the
    steps are those of one process up to rounding. On the CPU each takes one thread; on GPUs, one each. Batch normalisation is
    over the whole batch. What a net draws itself, as dropout does, each process draws for its own share, and losses that compare
    samples compare those of a share.
    compile: `torch.compile` the net that is trained; takes seconds at the start of every fit, see `experiments/speed/compile.py`.
    Where a loss listens to layers of it, that fit runs as it is.
    """

    checkpointing: Annotated[int, Field(ge=2)] | Literal["sqrt"] | None = None
    processes: Annotated[int, Field(ge=1)] = 1
    compile: bool = False

    def __post_init__(self) -> None:
        if self.compile and self.checkpointing is not None:
            raise ConfigError("trainer.compile and trainer.checkpointing exclude each other: choose the speed or the memory")

    def check(self, device: torch.device) -> None:
        """Complain now, before anything is trained, about what this machine cannot do.

        Raises:
            ConfigError: there are too few GPUs, or there is no compiler.
        """
        if self.processes > 1 and device.type not in ("cpu", "cuda"):
            raise ConfigError(
                f"trainer.processes works on the CPU or on NVIDIA's GPUs, not on {device.type}: choose device=cpu"
            )
        if device.type == "cuda" and self.processes > torch.cuda.device_count():
            raise ConfigError(
                f"trainer.processes={self.processes}, but the machine has {torch.cuda.device_count()} GPUs: choose as many, or device=cpu"
            )
        if self.compile:
            try:
                torch.compile(torch.sin)(torch.zeros(2, device=device))
            # Whatever a compiler that is missing or broken may raise.
            except Exception as error:
                reason = str(error).strip().partition("\n")[0]
                raise ConfigError(
                    f"torch.compile does not work here ({reason}): install a compiler, or trainer.compile=false"
                ) from error
