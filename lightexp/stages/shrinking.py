"""Training with a proximal step now and then."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Annotated

from pydantic import Field
from torch import nn

from lightexp.errors import ConfigError
from lightexp.spec import spec
from lightexp.stages.around_fit import AroundFit
from lightexp.stages.fit import Fit
from lightexp.stages.stage import Context


@spec
class Shrinking(AroundFit, ABC):
    """A fit with a proximal step after every `every` steps, which makes small things smaller and the smallest 0.

    Its threshold is strength · every · rate(t) times the largest among those that are compared: so one strength suits layers of
    every scale, none is emptied, and it falls with the learning rate, as a proximal step does. The fit goes to its end.

    fit: the training. strength: what each step takes from all, as a share of the largest.
    """

    fit: Fit = Fit()
    strength: Annotated[float, Field(gt=0)] = 5e-4
    every: Annotated[int, Field(ge=1)] = 20

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.strength * self.every >= 1:
            raise ConfigError(
                f"strength · every is {self.strength * self.every:g}, which takes all there is: it must be below 1"
            )

    @abstractmethod
    def shrinking(self, model: nn.Module, context: Context) -> Callable[[nn.Module, float], None]:
        """What does the step, given the net and the threshold as a share of the largest."""

    def __call__(self, model: nn.Module, context: Context) -> nn.Module:
        shrink = self.shrinking(model, context)

        def before_step(model: nn.Module, step: int, steps: int) -> None:
            # A function of the step and the weights alone, so that a resumed training shrinks when it would have shrunk.
            if step and step % self.every == 0:
                shrink(model, self.strength * self.every * self.fit.rate(step / steps))

        return self.fit.train(model, context, before_step=before_step, settled=1.0)
