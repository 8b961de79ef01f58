"""Looking where the teacher looks."""

from torch import Tensor
from torch.linalg import vector_norm

from lightexp.distill.feature_loss import FeatureLoss
from lightexp.distill.unit import unit
from lightexp.errors import ConfigError
from lightexp.spec import spec


@spec
class AttentionTransfer(FeatureLoss):
    """d = ½‖Q/‖Q‖ − Q_teacher/‖Q_teacher‖‖, Q = Σ_channels a² over the places of a map (AT, Zagoruyko & Komodakis 2017).

    Mean over the batch. For layers that give N×C×H×W, with any numbers of channels and the same H×W in both nets.
    """

    def distance(self, given: Tensor, wanted: Tensor) -> Tensor:
        if given.ndim != 4 or wanted.ndim != 4 or given.shape[2:] != wanted.shape[2:]:
            raise ConfigError(
                "attention is compared between maps of channels of the same height and width, "
                f"not {list(given.shape[1:])} and {list(wanted.shape[1:])}: name other layers"
            )
        return vector_norm(_attention(given) - _attention(wanted), dim=1).mean() / 2


def _attention(maps: Tensor) -> Tensor:
    """Of N×C×H×W, as N×HW of norm 1."""
    return unit(maps.square().sum(1).flatten(1))
