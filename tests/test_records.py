"""The small files that are committed can be read, so a change of the format cannot leave them behind."""

from pathlib import Path

import torch

from lightexp.artifact import load

FILES = Path(__file__).parent.parent / "experiments/records"


def test_lenet300_is_read():
    path = FILES / "lenet300.lxp"
    net = load(path)
    assert path.stat().st_size <= 4300
    assert sum(parameter.numel() for parameter in net.parameters()) == 266_610
    assert net(torch.zeros(2, 1, 28, 28)).shape == (2, 10)
