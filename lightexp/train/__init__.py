"""Training: one function over Lightning."""

from lightexp.train.plan import Epoch, Precision, Surroundings, Training
from lightexp.train.rate import Constant, Cosine, OneCycle, Rate, Step
from lightexp.train.teacher_logits import TeacherLogits
from lightexp.train.trainer import Trainer

__all__ = [
    "Constant",
    "Cosine",
    "Epoch",
    "OneCycle",
    "Precision",
    "Rate",
    "Step",
    "Surroundings",
    "TeacherLogits",
    "Trainer",
    "Training",
    "fit",
]


def __getattr__(name: str):
    # Lightning takes seconds to import, which a run whose stages are all in the store need not wait for.
    if name == "fit":
        from lightexp.train.fitting import fit

        return fit
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
