"""Whether an ONNX file answers as the net that it was made from."""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from lightexp.data import Splits
from lightexp.edge.session import Run

BATCH = 250
RANDOM_SAMPLES = 256


@dataclass(frozen=True)
class Check:
    """samples: on which both were asked. largest_difference: of all logits; largest_logit: of the net's, in size.
    agreement: percent of samples of which both name the same class. error, net_error: percent of wrong answers of the ONNX file
    and of the net; None on random inputs."""

    samples: int
    largest_difference: float
    largest_logit: float
    agreement: float
    error: float | None
    net_error: float | None


@torch.no_grad()
def check(run: Run, net: nn.Module, input_shape: tuple[int, ...], data: Splits | None) -> Check:
    """Compare on the test split, or on normal inputs where there is no data."""
    largest = size = agree = wrong = net_wrong = samples = 0
    net.eval()
    for inputs, labels in _batches(input_shape, data):
        expected, found = net(inputs), torch.from_numpy(run(inputs.numpy()))
        largest = max(largest, float((expected - found).abs().max()))
        size = max(size, float(expected.abs().max()))
        answer, net_answer = found.argmax(1), expected.argmax(1)
        agree += int((answer == net_answer).sum())
        samples += len(inputs)
        if labels is not None:
            wrong, net_wrong = wrong + int((answer != labels).sum()), net_wrong + int((net_answer != labels).sum())
    errors = (100 * wrong / samples, 100 * net_wrong / samples) if data is not None else (None, None)
    return Check(samples, largest, size, 100 * agree / samples, *errors)


def _batches(input_shape: tuple[int, ...], data: Splits | None) -> Iterator[tuple[Tensor, Tensor | None]]:
    if data is None:
        inputs = torch.randn(RANDOM_SAMPLES, *input_shape, generator=torch.Generator().manual_seed(0))
        yield from ((part, None) for part in inputs.split(BATCH))
        return
    for index in torch.arange(len(data.test)).split(BATCH):
        yield data.batch(data.test, index)
