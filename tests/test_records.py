"""The small files that are committed can be read, so a change of the format cannot leave them behind."""

from pathlib import Path

import pytest
import torch

from lightexp.artifact import load

FILES = Path(__file__).parent.parent / "experiments/records"


@pytest.mark.parametrize(("name", "most_bytes", "weights"), [("lenet300", 4300, 266_610), ("lenet5", 1142, 21_535)])
def test_it_is_read(name, most_bytes, weights):
    path = FILES / f"{name}.lxp"
    net = load(path)
    assert path.stat().st_size <= most_bytes
    assert sum(parameter.numel() for parameter in net.parameters()) == weights
    assert net(torch.zeros(2, 1, 28, 28)).shape == (2, 10)
