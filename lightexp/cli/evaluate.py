"""`lightexp evaluate`: decode a file and measure it again."""

import sys
from pathlib import Path
from typing import Any

from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException
from yaml import YAMLError

from lightexp.artifact import load, parse_file
from lightexp.artifact.made_for import check_made_for
from lightexp.compose.data import load_data
from lightexp.data import Splits
from lightexp.measure import score


def show(file: Path, trust: bool, overrides: list[str]) -> None:
    sys.path.insert(0, str(Path.cwd()))
    model = load(file, trust=trust)
    data = data_of(file, parse_file(file).header, overrides)
    for name, split in (("validation", data.val), ("test", data.test)):
        found = score(model, data, split)
        print(f"{name:>10}: accuracy {found.accuracy} %, error {found.error} %, loss {found.loss} ({len(split):,} samples)")


def data_of(file: Path, header: dict[str, Any], overrides: list[str]) -> Splits:
    """The data set that overrides name, or else that of the config beside the file, or of the name in its header.

    Raises:
        DataError: it is not there, or the net cannot take its samples.
        ArtifactError: it is normalised in another way than the net's.
    """
    beside = file.parent / "config.yaml"
    known = _data_beside(beside) if beside.exists() and not overrides else None
    data = load_data(known, overrides or [f"data={header['data']}"])
    check_made_for(header, data, file)
    return data


def _data_beside(path: Path) -> Any:
    """What a run's config says of its data; None if another program wrote the file."""
    try:
        return OmegaConf.load(path).get("data")
    except (OSError, ValueError, AttributeError, YAMLError, OmegaConfBaseException):
        return None
