"""Teachers' logits in the store."""

from collections.abc import Callable, Iterator
from functools import partial

from torch import Tensor

from lightexp.experiment.store import Store
from lightexp.train import TeacherLogits


def keep_logits(store: Store, used: list[str], progress: Callable[[str, float], None], logits: TeacherLogits) -> Tensor:
    """Rows×classes, mapped to the store's file; whoever comes first computes them for all, the others wait.

    used: gets their key. progress: told what goes on, and which share of it is done.
    """
    key, (views, samples, classes) = logits.key, logits.shape
    if not store.has(key):
        with store.lock(key, partial(progress, "waiting for the teacher's answers", 0)):
            if not store.has(key):
                row = {"stage": f"answers to {views} {'view' if views == 1 else 'views'}"}
                summary = {"net": str(logits.teacher), "row": row, "teacher": logits.teacher.key}
                store.put_array(key, _watched(logits, progress), summary)
    used.append(key)
    return store.array(key, views * samples, classes)


def _watched(logits: TeacherLogits, progress: Callable[[str, float], None]) -> Iterator[Tensor]:
    """The chunks, each of them told of."""
    views, samples, _ = logits.shape

    def tell(done: int) -> None:
        progress(f"teacher's answers {done // samples} of {views} views", done / (views * samples))

    tell(done := 0)
    for chunk in logits.chunks():
        yield chunk
        tell(done := done + len(chunk))
