"""A batch in parts."""

from itertools import pairwise

from lightexp.distill import Batch


def parts(batch: Batch, count: int) -> list[tuple[Batch, float]]:
    """The batch in at most `count` parts, as equal as can be and none of a single sample, each with its share of the samples.

    The mean over the batch is the sum of the parts' means times their shares. Batch normalisation cannot work on one sample.
    """
    samples = len(batch[1])
    count = max(1, min(count, samples // 2))
    if count == 1:
        return [(batch, 1.0)]
    edges = [samples * number // count for number in range(count + 1)]
    return [(cut(batch, first, last), (last - first) / samples) for first, last in pairwise(edges)]


def cut(batch: Batch, first: int, last: int) -> Batch:
    """The samples from `first` to before `last`."""
    return Batch(*(None if tensor is None else tensor[first:last] for tensor in batch))
