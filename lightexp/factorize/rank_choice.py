"""The contract of a choice of ranks."""

from abc import ABC, abstractmethod
from typing import ClassVar, NamedTuple

import torch
from torch import Tensor

from lightexp.factorize.factorization import Factorization, exact


class Candidate(NamedTuple):
    """A weight that may be factorized, and how."""

    factorization: Factorization
    weight: Tensor

    def params(self, ranks: list[int]) -> int:
        """Weights of the layers that would take its place."""
        return self.factorization.params(self.weight.shape, ranks)

    def saves(self, ranks: list[int]) -> bool:
        return self.params(ranks) < self.weight.numel()


class RankChoice(ABC):
    """Chooses the ranks of all layers of a net, by name. Those it leaves out, or whose ranks save nothing, stay as they are."""

    known_ahead: ClassVar[bool] = False
    """Whether shapes alone decide, so that the ranks are known before anything is trained."""

    @abstractmethod
    def __call__(self, candidates: dict[str, Candidate]) -> dict[str, list[int]]: ...


def energies(candidate: Candidate) -> list[Tensor]:
    """For each rank of the factorization σ_1², σ_2², … of its matrix, descending."""
    return [torch.linalg.svdvals(matrix).square() for matrix in candidate.factorization.matrices(exact(candidate.weight))]
