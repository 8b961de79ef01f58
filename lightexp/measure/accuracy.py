"""How right a net is."""

from dataclasses import dataclass

import torch
from torch import nn
from torch.nn import functional as F

from lightexp.data import Split, Splits


@dataclass(frozen=True)
class Score:
    """accuracy, error: percent, adding to 100. loss: mean cross-entropy, nats. top5_error: percent; None up to 10 classes.
    class_errors: wrong samples of each class."""

    accuracy: float
    error: float
    loss: float
    top5_error: float | None
    class_errors: list[int]


@torch.no_grad()
def score(model: nn.Module, data: Splits, split: Split, batch_size: int = 1000) -> Score:
    """Measure a net on one split, in evaluation mode; the mode it was in comes back."""
    training = model.training
    model.eval()
    loss, right5 = 0.0, 0
    wrong = torch.zeros(data.classes, dtype=torch.int64, device=split.x.device)
    for index in torch.arange(len(split), device=split.x.device).split(batch_size):
        inputs, labels = data.batch(split, index)
        logits = model(inputs)
        loss += F.cross_entropy(logits, labels, reduction="sum").item()
        wrong += labels[logits.argmax(1) != labels].bincount(minlength=data.classes)
        if data.classes > 10:
            right5 += int((logits.topk(5, dim=1).indices == labels[:, None]).sum())
    model.train(training)
    count, class_errors = len(split), wrong.tolist()
    right = count - sum(class_errors)
    top5 = 100 * (1 - right5 / count) if data.classes > 10 else None
    return Score(100 * right / count, 100 * (count - right) / count, loss / count, top5, class_errors)
