"""`lightexp evaluate`: decode a file and measure it again."""

import sys
from pathlib import Path

from omegaconf import OmegaConf

from lightexp.artifact import load, parse, read
from lightexp.compose.data import load_data
from lightexp.errors import ArtifactError, DataError
from lightexp.measure import score


def show(file: Path, trust: bool, overrides: list[str]) -> None:
    sys.path.insert(0, str(Path.cwd()))
    model = load(file, trust=trust)
    header = parse(read(file)).header
    beside = file.parent / "config.yaml"
    known = OmegaConf.load(beside).data if beside.exists() and not overrides else None
    data = load_data(known, overrides or [f"data={header['data']}"])
    expected = tuple(header["model"]["input_shape"])
    if data.input_shape != expected or data.classes != header["model"]["classes"]:
        raise DataError(
            f"{data.name} has inputs of {list(data.input_shape)} and {data.classes} classes; the net in {file} takes "
            f"{list(expected)} and {header['model']['classes']}: name the right set with data="
        )
    if [*data.mean, *data.std] != [*header["mean"], *header["std"]]:
        raise ArtifactError(
            f"{file} was made for inputs normalised by mean {header['mean']} and std {header['std']}, and {data.name} is "
            f"normalised by {list(data.mean)} and {list(data.std)}: it is not the data set of the file"
        )
    for name, split in (("validation", data.val), ("test", data.test)):
        found = score(model, data, split)
        print(f"{name:>10}: accuracy {found.accuracy} %, error {found.error} %, loss {found.loss} ({len(split):,} samples)")
