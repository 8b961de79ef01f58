"""Pictures lie in memory as convolutions like them, for as long as a net trains and if it bears it."""

import torch
from torch import nn

from lightexp.models import LeNet5
from lightexp.ops.layout import channels_last

X = torch.rand(4, 3, 8, 8)


class Views(nn.Module):
    """Flattens by `view`, which wants the channels outermost."""

    def __init__(self):
        super().__init__()
        self.conv, self.linear = nn.Conv2d(3, 5, 3), nn.Linear(180, 2)

    def forward(self, x):
        return self.linear(self.conv(x).view(len(x), -1))


def strides_seen(net, inputs):
    seen = []
    hook = net.conv1.register_forward_pre_hook(lambda _, x: seen.append(x[0].stride()))
    with channels_last(net, inputs):
        inside = net(inputs)
    outside = net(inputs)
    hook.remove()
    torch.testing.assert_close(inside, outside)
    return seen


def test_only_within_and_the_answers_are_the_same():
    net, x = LeNet5((3, 28, 28), 10).eval(), torch.rand(2, 3, 28, 28)
    tried, inside, outside = strides_seen(net, x)
    assert tried == inside == (3 * 28 * 28, 1, 28 * 3, 3) and outside == (3 * 28 * 28, 28 * 28, 28, 1)
    assert not net._forward_pre_hooks


def test_a_net_that_does_not_bear_it_and_one_without_convolutions_are_left_alone():
    for net in (Views(), nn.Sequential(nn.Flatten(), nn.Linear(192, 2))):
        with channels_last(net, X):
            assert net(X).shape == (4, 2) and not net._forward_pre_hooks
    with channels_last(nn.Linear(6, 2), torch.rand(3, 6)):
        pass
