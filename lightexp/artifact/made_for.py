"""Whether a file and a data set belong together."""

from pathlib import Path
from typing import Any

from lightexp.data import Splits
from lightexp.errors import ArtifactError, DataError


def check_made_for(header: dict[str, Any], data: Splits, file: Path) -> None:
    """Complain of a data set whose samples the net of the file cannot take, or would take for others.

    Raises:
        DataError: their shape or the number of classes is another.
        ArtifactError: they are normalised in another way.
    """
    expected, classes = header["model"]["input_shape"], header["model"]["classes"]
    if list(data.input_shape) != expected or data.classes != classes:
        raise DataError(
            f"{data.name} has inputs of {list(data.input_shape)} and {data.classes} classes; the net in {file} takes "
            f"{expected} and {classes}: name the right set with data="
        )
    if [*data.mean, *data.std] != [*header["mean"], *header["std"]]:
        raise ArtifactError(
            f"{file} was made for inputs normalised by mean {header['mean']} and std {header['std']}, and {data.name} is "
            f"normalised by {list(data.mean)} and {list(data.std)}: it is not the data set of the file"
        )
