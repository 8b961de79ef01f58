"""Damaged files end in a net or in ArtifactError: a few thousand of the cases that `experiments/codec/fuzz.py` runs."""

import importlib.util
from pathlib import Path

import pytest

from lightexp.artifact import parse

_SPEC = importlib.util.spec_from_file_location("fuzz", Path(__file__).parents[1] / "experiments" / "codec" / "fuzz.py")
fuzz = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(fuzz)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_damaged_files_end_in_a_net_or_in_an_artifact_error(seed):
    ends = fuzz.fuzz(1500, seed)
    assert sum(ends.values()) == 1500
    assert ends["net"] > 50  # the streams were reached
    assert len(ends) > 8  # and refused for different reasons


def test_what_is_damaged_has_layers_of_every_kind_and_lines():
    kinds, lines = set(), 0
    for name, data in fuzz.files():
        parsed = parse(data)
        kinds |= {(layer.kind, type(parsed.coder).__name__) for layer in parsed.layers}
        if name == "lined Range" and len(parsed.layers) == 1:
            # The options of the only layer come first; a line makes their number 98 and more.
            lines += parsed.positions[0] >= 0x80
    assert len(kinds) == 9
    assert lines == 1
