"""A user's own net with its weights."""

import io
import pickle

import torch
from torch import Tensor, nn

from lightexp.errors import ConfigError
from lightexp.spec import spec
from lightexp.stages.load import Load
from lightexp.stages.stage import Context


@spec
class LoadWeights(Load):
    """Load a state dict that `torch.save(net.state_dict(), path)` wrote. Nothing but tensors is read, so no code of it runs.

    The net takes inputs as `lightexp.data` normalises them, by the mean and the standard deviation of the training part.
    """

    def check(self, model: nn.Module) -> None:
        self.check_tensors(self._state(), model)

    def __call__(self, model: nn.Module, context: Context) -> nn.Module:
        model.load_state_dict(self._state())
        return model

    def _state(self) -> dict[str, Tensor]:
        try:
            found = torch.load(io.BytesIO(self.content()), map_location="cpu", weights_only=True)
        except (RuntimeError, EOFError, ValueError, KeyError, pickle.UnpicklingError) as error:
            raise ConfigError(
                f"{self.path} is damaged or no file of weights: save them by torch.save(net.state_dict(), path)"
            ) from error
        if not isinstance(found, dict) or not all(isinstance(tensor, Tensor) for tensor in found.values()):
            raise ConfigError(
                f"{self.path} holds something other than a state dict: save one by torch.save(net.state_dict(), path)"
            )
        for name, tensor in found.items():
            if tensor.is_floating_point() and not tensor.isfinite().all():
                raise ConfigError(f"{self.path} holds numbers that are NaN or infinite, first in {name}: it is no trained net")
        return found
