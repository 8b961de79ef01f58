"""What stages that move the zeros of a net ask of it."""

from torch import nn

from lightexp.errors import ConfigError
from lightexp.reparam import layers, mask_of, reads_weight


def movable(model: nn.Module) -> dict[str, nn.Module]:
    """All layers, in which zeros can change places.

    Raises:
        ConfigError: a layer reads its weights from a codebook, which has no value for those that are pruned.
    """
    for name, module in layers(model).items():
        if not reads_weight(module):
            raise ConfigError(f"layer {name} has shared weights, which cannot grow back: put this stage before the sharing")
    return layers(model)


def pruned(model: nn.Module) -> dict[str, nn.Module]:
    """Those of the `movable` layers in which a weight is pruned.

    Raises:
        ConfigError: as `movable`, or there are none.
    """
    found = {name: module for name, module in movable(model).items() if not mask_of(module).all()}
    if not found:
        raise ConfigError("nothing is pruned yet: put a stage that prunes before it")
    return found
