"""The movement score, of a net as it stands or summed over the steps of a fit."""

from torch import Tensor, nn

from lightexp.errors import ConfigError
from lightexp.reparam import latent, layers, mask_module, reads_weight
from lightexp.statistics.gradients import gradients
from lightexp.statistics.samples import Figures, Samples


def movement(model: nn.Module, samples: Samples) -> Figures:
    """−Σ w·∂L/∂w over the steps of the fit that is under way, else −w·∂L/∂w of the mean gradient; w is what the fit trains."""
    running = {name: _running(module) for name, module in layers(model).items()}
    if all(total is not None for total in running.values()):
        return {name: {"movement": total} for name, total in running.items()}
    figures = gradients(model, samples)
    return {name: {"movement": -_trained(m) * figures[name]["mean_gradient"]} for name, m in layers(model).items()}


def start(model: nn.Module, scores: dict[str, Tensor]) -> None:
    """From now on the score of each masked layer is a sum that starts from the one given.

    It stands beside the mask as a buffer, so that a checkpoint of the fit holds it.

    Raises:
        ConfigError: a weight is read from a codebook, so that no step moves it.
    """
    for name, module in layers(model).items():
        if not reads_weight(module):
            raise ConfigError(f"layer {name} is read from a codebook, so its weights do not move: prune before sharing weights")
        mask_module(module).register_buffer("movement", scores[name].clone())


def add(model: nn.Module, step: int, steps: int) -> None:
    """Add the step whose gradients stand; a weight whose mask is closed no longer counts.

    Raises:
        ConfigError: a layer got no gradient.
    """
    for name, module in layers(model).items():
        if not mask_module(module).open:
            continue
        weight = latent(module)
        if weight.grad is None:
            raise ConfigError(f"layer {name} has no gradient, so it does not move: choose another criterion, as magnitude")
        _running(module).addcmul_(weight.detach(), weight.grad, value=-1)


def stop(model: nn.Module) -> None:
    """Forget the sums."""
    for module in layers(model).values():
        del mask_module(module).movement


def _running(module: nn.Module) -> Tensor | None:
    return getattr(mask_module(module), "movement", None)


def _trained(module: nn.Module) -> Tensor:
    return (latent(module) if reads_weight(module) else module.weight).detach()
