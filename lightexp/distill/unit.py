"""Directions of vectors."""

import torch
from torch import Tensor
from torch.linalg import vector_norm


def unit(vectors: Tensor) -> Tensor:
    """The vectors along the last dimension at length 1. One of length 0, such as a layer whose units are all off, stays so and
    gets no gradient: it has no direction, and dividing by a smallest length would make its gradient huge."""
    length = vector_norm(vectors, dim=-1, keepdim=True)
    none = length == 0
    return torch.where(none, 0.0, vectors / torch.where(none, 1.0, length))
