"""Pruning in rounds to an amount for each layer."""

import pytest

from lightexp.errors import ConfigError
from lightexp.prune import Magnitude, NofM, PerLayer, Threshold
from lightexp.stages import Fit, PruneAndRewind, PruneIteratively


def test_each_layer_goes_its_own_way_by_equal_factors():
    parts = PruneIteratively(None, Magnitude(), PerLayer({"a": 0.875, "b": 0.0}), rounds=3, tune=Fit(0)).parts()
    shares = [stage.allocation.sparsities for _, stage in parts]
    # Densities 1/2, 1/4, 1/8; the last is what was asked for, to the last bit.
    assert [found["a"] for found in shares] == pytest.approx([0.5, 0.75, 0.875])
    assert shares[-1] == {"a": 0.875, "b": 0.0} and {found["b"] for found in shares} == {0.0}
    assert {stage.sparsity for _, stage in parts} == {None}


@pytest.mark.parametrize("stage", [PruneIteratively, PruneAndRewind])
@pytest.mark.parametrize("allocation", [Threshold(0.1), NofM()])
def test_what_finds_its_own_amount_has_no_rounds(stage, allocation):
    with pytest.raises(ConfigError, match=f"needs an amount to go to; {type(allocation).__name__} finds its own"):
        stage(None, allocation=allocation)
