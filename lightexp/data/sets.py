"""The data sets by name: what a config chooses and what becomes `Splits`."""

import os
import socket
import tempfile
import zipfile
import zlib
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import KW_ONLY, field
from http.client import HTTPException
from pathlib import Path
from typing import ClassVar

import numpy as np

from lightexp.data.splits import Splits, split, stratify
from lightexp.errors import DataError
from lightexp.spec import spec

_KEYS = ("x_train", "y_train", "x_test", "y_test")
_DIGITS_TEST = 0.2
_NETWORK_TIMEOUT = 10.0  # seconds without an answer


@spec
class DataSet(ABC):
    """What every data set has: the fraction of train that validates, and named augmentations that apply in their order."""

    _: KW_ONLY
    validation: float = 0.1
    augment: dict[str, Callable] = field(default_factory=dict)

    def load(self) -> Splits:
        """Reads the whole data set into memory.

        Raises:
            DataError: it is absent, damaged, or not what `split` accepts.
        """
        name, arrays = self.read()
        return split(name, *arrays, validation=self.validation, augment=tuple(self.augment.values()))

    @abstractmethod
    def read(self) -> tuple[str, Sequence[np.ndarray]]:
        """The name and the arrays x_train, y_train, x_test, y_test."""


@spec
class Digits(DataSet):
    """scikit-learn's 1,797 handwritten digits of 8×8 pixels; nothing to download, a fixed fifth of them is the test part."""

    def read(self) -> tuple[str, Sequence[np.ndarray]]:
        from sklearn.datasets import load_digits

        digits = load_digits()
        x, y = np.round(digits.images * (255 / 16)).astype(np.uint8), digits.target
        train, test = stratify(y, _DIGITS_TEST)
        return "digits", (x[train], y[train], x[test], y[test])


@spec
class Arrays(DataSet):
    """Any data set in one .npz file with the arrays x_train, y_train, x_test and y_test; named after the file."""

    path: Path

    def read(self) -> tuple[str, Sequence[np.ndarray]]:
        path = self.path.expanduser()
        if not path.is_file():
            raise DataError(f"{path} is not there: point data.path at an .npz file with {', '.join(_KEYS)}")
        return path.stem, _read_npz(path)


@spec
class _Downloaded(DataSet):
    """A public data set: read from `<root>/<name>.npz`, which torchvision's download makes once if `download` is true."""

    name: ClassVar[str]
    torchvision_name: ClassVar[str]

    root: Path
    download: bool = True

    def read(self) -> tuple[str, Sequence[np.ndarray]]:
        path = self.root.expanduser() / f"{self.name}.npz"
        if not path.is_file():
            self._obtain(path)
        return self.name, _read_npz(path)

    def _obtain(self, path: Path) -> None:
        if not self.download:
            raise self._absent(path, "data.download is false")
        try:
            self._download(path)
        except (OSError, RuntimeError, HTTPException) as error:
            raise self._absent(path, f"its download failed ({_one_line(error)})") from error

    def _absent(self, path: Path, reason: str) -> DataError:
        return DataError(
            f"{self.name}: {path} is not there and {reason}: run once with network and data.download=true, or put {path.name} "
            f"with {', '.join(_KEYS)} there, or point data.root or LIGHTEXP_DATA at the folder that has it"
        )

    def _download(self, path: Path) -> None:
        import torchvision.datasets

        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".download-", dir=path.parent) as folder, _socket_timeout(_NETWORK_TIMEOUT):
            make = getattr(torchvision.datasets, self.torchvision_name)
            parts = [make(folder, train=train, download=True) for train in (True, False)]
            arrays = [np.asarray(values) for part in parts for values in (part.data, part.targets)]
            whole = Path(folder) / path.name
            np.savez_compressed(whole, **dict(zip(_KEYS, arrays, strict=True)))
            os.replace(whole, path)


@spec
class MNIST(_Downloaded):
    """70,000 handwritten digits, 1×28×28, 10 classes."""

    name = "mnist"
    torchvision_name = "MNIST"


@spec
class FashionMNIST(_Downloaded):
    """70,000 pieces of clothing, 1×28×28, 10 classes."""

    name = "fashion_mnist"
    torchvision_name = "FashionMNIST"


@spec
class CIFAR10(_Downloaded):
    """60,000 colour photographs, 3×32×32, 10 classes."""

    name = "cifar10"
    torchvision_name = "CIFAR10"


@spec
class CIFAR100(_Downloaded):
    """60,000 colour photographs, 3×32×32, 100 classes."""

    name = "cifar100"
    torchvision_name = "CIFAR100"


def _read_npz(path: Path) -> list[np.ndarray]:
    if not zipfile.is_zipfile(path):
        raise DataError(f"{path} is not an .npz file: write it with numpy.savez and the arrays {', '.join(_KEYS)}")
    try:
        with np.load(path, allow_pickle=False) as archive:
            missing = [key for key in _KEYS if key not in archive]
            if missing:
                raise DataError(f"{path} has no {', '.join(missing)}: write it with the arrays {', '.join(_KEYS)}")
            return [archive[key] for key in _KEYS]
    except (OSError, ValueError, EOFError, RuntimeError, zipfile.BadZipFile, zlib.error) as error:
        raise DataError(f"{path} cannot be read ({_one_line(error)}): write it again with plain numeric arrays") from error


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())


@contextmanager
def _socket_timeout(seconds: float) -> Iterator[None]:
    """Gives every new connection a time limit, because torchvision's downloads set none and would hang."""
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(seconds)
    try:
        yield
    finally:
        socket.setdefaulttimeout(before)
