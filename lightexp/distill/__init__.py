"""Losses: what a fit minimises, with or without a teacher."""

from lightexp.distill.cross_entropy import CrossEntropy
from lightexp.distill.loss import Batch, Loss, Teacher
from lightexp.distill.soft_logits import SoftLogits

__all__ = ["Batch", "CrossEntropy", "Loss", "SoftLogits", "Teacher"]
