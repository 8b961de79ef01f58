"""What a net is asked and what it should say."""

from typing import NamedTuple

from torch import Tensor


class Batch(NamedTuple):
    """Normalised inputs (N×…, float32) and labels (N, int64); where a plain pair of them is as good, that may be given.

    rows: which view of which training sample each input is (N, int64), as `Splits.augmented_batch` counts them, if it is known.
    """

    inputs: Tensor
    labels: Tensor
    rows: Tensor | None = None
