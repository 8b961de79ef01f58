"""Training: one function over Lightning."""

from lightexp.train.fit import fit
from lightexp.train.plan import Epoch, Surroundings, Training
from lightexp.train.rate import Constant, Cosine, OneCycle, Rate, Step

__all__ = ["Constant", "Cosine", "Epoch", "OneCycle", "Rate", "Step", "Surroundings", "Training", "fit"]
