"""The checks that four arrays pass before they are a data set, and the one layout that all inputs are brought to."""

import numpy as np
from numpy.typing import ArrayLike

from lightexp.errors import DataError


def checked_inputs(name: str, x_train: ArrayLike, x_test: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    """Both inputs as contiguous uint8 or float32 arrays, N×C×H×W or N×F.

    Raises:
        DataError: an impossible dtype, shape or value, or train and test that differ.
    """
    train, test = _inputs(f"{name}: x_train", x_train), _inputs(f"{name}: x_test", x_test)
    if (train.shape[1:], train.dtype) != (test.shape[1:], test.dtype):
        raise DataError(
            f"{name}: a sample is {train.dtype} {train.shape[1:]} in x_train but {test.dtype} {test.shape[1:]} in x_test: "
            "store both alike"
        )
    return train, test


def checked_labels(
    name: str, y_train: ArrayLike, y_test: ArrayLike, lengths: tuple[int, int]
) -> tuple[np.ndarray, np.ndarray, int]:
    """Both label arrays as int64 (N), and the number of classes.

    Raises:
        DataError: labels that are not the integers 0 … classes-1, one for each sample, or test classes absent from train.
    """
    train, test = _labels(f"{name}: y_train", y_train, lengths[0]), _labels(f"{name}: y_test", y_test, lengths[1])
    present = np.unique(train)
    absent = next((expected for expected, label in enumerate(present) if label != expected), None)
    if absent is not None:
        raise DataError(f"{name}: y_train has labels up to {present[-1]} but no {absent}: number classes from 0, no gaps")
    unknown = np.setdiff1d(test, present)
    if len(unknown):
        raise DataError(f"{name}: y_test has class {unknown[0]}, y_train only 0..{present[-1]}: train needs every class")
    return train, test, len(present)


def _inputs(where: str, values: ArrayLike) -> np.ndarray:
    x = np.asarray(values)
    if x.dtype != np.uint8 and x.dtype.kind != "f":
        raise DataError(f"{where} holds {x.dtype}: store it as uint8 (0..255) or as float32")
    if not x.size:
        raise DataError(f"{where} of shape {x.shape} is empty: give at least one sample")
    x = np.ascontiguousarray(_channels_first(where, x))
    if x.dtype == np.uint8:
        return x
    with np.errstate(over="ignore"):  # what overflows float32 is reported just below
        x = x.astype(np.float32, copy=False)
    if not np.isfinite(x).all():
        raise DataError(f"{where} holds values that are NaN, infinite or beyond float32: replace or remove them")
    return x


def _channels_first(where: str, x: np.ndarray) -> np.ndarray:
    match x.shape:
        case (_, _):
            return x
        case (_, _, _):
            return x[:, None]
        case (_, _, _, 1 | 3 | 4):
            return np.moveaxis(x, -1, 1)
        case (_, 1 | 3 | 4, _, _):
            return x
    raise DataError(f"{where} has shape {x.shape}: it must be N×F, N×H×W, N×H×W×C or N×C×H×W, with C one of 1, 3, 4")


def _labels(where: str, values: ArrayLike, length: int) -> np.ndarray:
    y = np.asarray(values)
    if y.dtype.kind not in "iu":
        raise DataError(f"{where} holds {y.dtype}: store labels as integers 0..classes-1")
    if y.shape != (length,):
        raise DataError(f"{where} has shape {y.shape} for {length} samples: store one label for each, shape ({length},)")
    y = y.astype(np.int64)
    if y.min() < 0:
        raise DataError(f"{where} has the label {y.min()}: number the classes from 0")
    return y
