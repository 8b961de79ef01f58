"""A small net with batch normalisation, and what it takes to compare nets bit for bit."""

import copy

from torch import Tensor, manual_seed, nn

from lightexp.artifact import decode, encode
from lightexp.models import net_spec
from lightexp.reparam import rebuild, spec_of
from lightexp.surgery import operate, surgery_of


class Normed(nn.Module):
    """64 · 20 + 20 · 10 = 1480 prunable weights, and a normalisation whose statistics a stage may change."""

    def __init__(self, input_shape: tuple[int, ...], classes: int) -> None:
        super().__init__()
        self.net = nn.Sequential(nn.Flatten(), nn.Linear(64, 20), nn.BatchNorm1d(20), nn.ReLU(), nn.Linear(20, classes))

    def forward(self, x: Tensor) -> Tensor:
        return self.net(x)


def normed(seed: int) -> nn.Module:
    manual_seed(seed)
    return Normed((1, 8, 8), 10).eval()


def copied(net: nn.Module) -> nn.Module:
    """The net made again from what the store keeps of it."""
    return rebuild(operate(normed(3), surgery_of(net)), spec_of(net), copy.deepcopy(net.state_dict()))


def from_its_file(net: nn.Module) -> nn.Module:
    header = {"model": net_spec(Normed, (1, 8, 8), 10, surgery_of(net)), "data": "digits", "mean": [0.0], "std": [1.0]}
    return decode(encode(net, header), net=Normed)


def bits(tensors: dict[str, Tensor]) -> dict[str, bytes]:
    return {name: tensor.detach().contiguous().numpy().tobytes() for name, tensor in sorted(tensors.items())}
