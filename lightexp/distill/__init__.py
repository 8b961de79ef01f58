"""Losses: what a fit minimises, with or without a teacher."""

from lightexp.distill.annealed_soft_logits import AnnealedSoftLogits
from lightexp.distill.answers import Answers
from lightexp.distill.attention_transfer import AttentionTransfer
from lightexp.distill.batch import Batch
from lightexp.distill.confidence import Confidence
from lightexp.distill.cross_entropy import CrossEntropy
from lightexp.distill.decoupled_kd import DecoupledKD
from lightexp.distill.entropy_soft_logits import EntropySoftLogits
from lightexp.distill.equal import Equal
from lightexp.distill.feature_loss import FeatureLoss
from lightexp.distill.gap_soft_logits import GapSoftLogits
from lightexp.distill.hint import Hint
from lightexp.distill.joint import Joint
from lightexp.distill.logits_mse import LogitsMSE
from lightexp.distill.loss import Loss
from lightexp.distill.mutual_learning import MutualLearning
from lightexp.distill.panel import Panel, Weighting
from lightexp.distill.relational_kd import RelationalKD
from lightexp.distill.self_distillation import SelfDistillation
from lightexp.distill.similarity_preserving import SimilarityPreserving
from lightexp.distill.soft_logits import SoftLogits
from lightexp.distill.sum import Sum
from lightexp.distill.teacher import Teacher
from lightexp.distill.uncertainty_sum import UncertaintySum
from lightexp.distill.weighted_soft_logits import WeightedSoftLogits

__all__ = [
    "AnnealedSoftLogits",
    "Answers",
    "AttentionTransfer",
    "Batch",
    "Confidence",
    "CrossEntropy",
    "DecoupledKD",
    "EntropySoftLogits",
    "Equal",
    "FeatureLoss",
    "GapSoftLogits",
    "Hint",
    "Joint",
    "LogitsMSE",
    "Loss",
    "MutualLearning",
    "Panel",
    "RelationalKD",
    "SelfDistillation",
    "SimilarityPreserving",
    "SoftLogits",
    "Sum",
    "Teacher",
    "UncertaintySum",
    "WeightedSoftLogits",
    "Weighting",
]
