"""Data sets that are folders of picture files."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from pydantic import PositiveInt

from lightexp.data.sets import DataSet
from lightexp.errors import DataError
from lightexp.spec import spec


@spec
class ImageFolder(DataSet):
    """Pictures in `<root>/train/<class>/` and `<root>/test/<class>/` (or `val` if there is no `test`), named after the root.

    They are read as RGB, scaled and centre-cropped to `size`×`size` pixels, and kept in memory as bytes. Classes are numbered
    by their sorted folder names.
    """

    root: Path
    size: PositiveInt = 32

    def read(self) -> tuple[str, Sequence[np.ndarray]]:
        root = self.root.expanduser()
        train = root / "train"
        test = root / "test" if (root / "test").is_dir() else root / "val"
        classes, tested = _classes(train), _classes(test)
        if classes != tested:
            differing = ", ".join(sorted(set(classes) ^ set(tested)))
            raise DataError(f"{train} and {test} have different class folders ({differing}): make them agree")
        return root.resolve().name, [array for part in (train, test) for array in self._pictures(part, classes)]

    def _pictures(self, part: Path, classes: list[str]) -> tuple[np.ndarray, np.ndarray]:
        files = [(file, label) for label, name in enumerate(classes) for file in _picture_files(part / name)]
        x = np.stack([_read_picture(file, self.size) for file, _ in files])
        return x, np.array([label for _, label in files])


def _classes(part: Path) -> list[str]:
    classes = sorted(folder.name for folder in part.iterdir() if folder.is_dir()) if part.is_dir() else []
    if not classes:
        raise DataError(f"{part} has no class folders: store pictures as {part.name}/<class>/<file> under data.root")
    return classes


def _picture_files(folder: Path) -> list[Path]:
    from PIL import Image

    files = sorted(file for file in folder.rglob("*") if file.suffix.lower() in Image.registered_extensions())
    if not files:
        raise DataError(f"{folder} has no picture: put some into it or remove the folder")
    return files


def _read_picture(file: Path, size: int) -> np.ndarray:
    """H×W×3 bytes."""
    from PIL import Image, ImageOps

    try:
        with Image.open(file) as picture:
            return np.asarray(ImageOps.fit(picture.convert("RGB"), (size, size)))
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:  # SyntaxError: PIL's broken PNG
        raise DataError(f"{file} cannot be read as a picture ({error}): replace or remove it") from error
