"""Movement pruning: the score of a net as it stands, and its sum over the steps of a fit."""

import copy
from functools import partial

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from lightexp.data import Splits, split
from lightexp.errors import ConfigError
from lightexp.prune import Movement, Statistics
from lightexp.quantize import KMeans
from lightexp.reparam import latent, mask_module, mask_of, set_mask
from lightexp.stages import Context, Fit, Prune, PruneGradually, Quantize
from lightexp.statistics import movement
from lightexp.statistics.gather import gather
from lightexp.train import Constant, Training, fit


@pytest.fixture(scope="module")
def rows() -> Splits:
    """32 samples of 120 features that train."""
    x, y = np.random.default_rng(0).normal(size=(40, 120)).astype(np.float32), np.arange(40) % 2
    return split("rows", x, y, x[:8], y[:8], validation=0.2)


def measured(net: nn.Module, data: Splits) -> Statistics:
    return gather(net, data, frozenset({"movement", "mean_gradient"}), batches=9, seed=0)["0"]


def test_movement_by_hand(two_samples):
    net = nn.Sequential(nn.Linear(2, 2, bias=False))
    net[0].weight.data = torch.tensor([[1.0, -2.0], [0.5, 3.0]])
    gradient = measured(net, two_samples).mean_gradient
    torch.testing.assert_close(measured(net, two_samples).movement, -net[0].weight.detach() * gradient)
    set_mask(net[0], torch.tensor([[True, False], [True, True]]))
    mask_module(net[0]).open = True
    movement.start(net, {"0": torch.zeros(2, 2)})
    weight = latent(net[0])
    weight.grad = torch.tensor([[3.0, 1.0], [0.0, -1.0]])
    movement.add(net, 0, 2)
    weight.data[0, 0] = -1.0
    movement.add(net, 1, 2)
    # −1·3 + 1·3, −(−2)·1 twice though it is masked, 0, −3·(−1) twice.
    assert measured(net, two_samples).movement.tolist() == [[0, 4], [0, 6]]
    mask_module(net[0]).open = False
    movement.add(net, 1, 2)
    assert measured(net, two_samples).movement.tolist() == [[0, 4], [0, 6]]
    movement.stop(net)
    assert set(net.state_dict()) == {"0.parametrizations.weight.original", "0.parametrizations.weight.0.mask"}


def test_gradual_pruning_sums_the_movement_of_its_steps(rows):
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(120, 2))
    plain, total = copy.deepcopy(net), 0
    inputs, labels = rows.batch(rows.train, torch.arange(32))
    rate = 0.05
    for step in range(5):
        (grad,) = torch.autograd.grad(F.cross_entropy(plain(inputs), labels), plain[0].weight)
        moved = -plain[0].weight.detach() * grad
        # The first is counted as the score of the net as it stands, too.
        total += 2 * moved if step == 0 else moved
        plain[0].weight.data -= rate * grad
    training = Fit(5, 32, optimizer=lambda _: torch.optim.SGD([latent(net[0])], lr=rate), rate=Constant())
    # The only cut that cuts is the last: there is none between the first step, where nothing has to go, and the end.
    PruneGradually(0.5, Movement(), fit=training, begin=0, end=1, every=20)(net, Context(rows, seed=1))
    kept = mask_of(net[0])
    assert int(kept.sum()) == 120
    assert total[kept].min() >= total[~kept].max()
    assert not any("movement" in name for name in net.state_dict())


def test_weights_that_are_read_from_a_codebook_do_not_move(two_samples):
    net = nn.Sequential(nn.Linear(2, 2))
    Quantize(KMeans(3))(net, Context(two_samples, seed=1))
    with pytest.raises(ConfigError, match="layer 0 is read from a codebook, so its weights do not move"):
        PruneGradually(0.5, Movement(), fit=Fit(1))(net, Context(two_samples, seed=1))
    # Their gradient is known all the same.
    Prune(0.5, Movement())(net, Context(two_samples, seed=1))
    assert int(mask_of(net[0]).sum()) == 2


def test_a_layer_that_gets_no_gradient_is_named(two_samples):
    class Idle(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.used, self.idle = nn.Linear(2, 2), nn.Linear(2, 2)

        def forward(self, x):
            return self.used(x)

    training = Fit(1, 2, optimizer=partial(torch.optim.SGD, lr=0.1))
    with pytest.raises(ConfigError, match="layer idle has no gradient"):
        PruneGradually(0.5, Movement(), fit=training)(Idle(), Context(two_samples, seed=1))


def test_a_training_shows_its_gradients_before_the_optimizer_moves(rows):
    seen = []

    def look(model: nn.Module, step: int, steps: int) -> None:
        seen.append((step, steps, model[0].weight.detach().clone(), model[0].weight.grad.clone()))

    net = nn.Sequential(nn.Linear(120, 2))
    loss, sgd = Fit().loss, partial(torch.optim.SGD, lr=0.5)
    fit(net, rows, Training(1, 16, loss, sgd, Constant(), after_backward=look), seed=1)
    (first, _, weight, grad), (second, steps, moved, _) = seen
    assert (first, second, steps) == (0, 1, 2)
    torch.testing.assert_close(moved, weight - 0.5 * grad)
