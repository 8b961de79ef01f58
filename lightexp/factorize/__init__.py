"""Factorizations: the weight of a layer as a product of smaller ones, and how small these are."""

from lightexp.factorize.cp import CP
from lightexp.factorize.energy import Energy
from lightexp.factorize.factorization import Factorization
from lightexp.factorize.global_ratio import GlobalRatio
from lightexp.factorize.rank_choice import Candidate, RankChoice
from lightexp.factorize.ratio import Ratio
from lightexp.factorize.svd import SVD
from lightexp.factorize.tucker2 import Tucker2

__all__ = ["CP", "SVD", "Candidate", "Energy", "Factorization", "GlobalRatio", "RankChoice", "Ratio", "Tucker2"]
