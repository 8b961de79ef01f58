"""What of a net's state is no coded weight: vectors such as biases and normalisation, counters, matrices as they are."""

from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor

from lightexp.artifact.binary import Reader, unzigzag, varints, zigzag
from lightexp.artifact.floats import pack_floats, unpack_floats
from lightexp.errors import ArtifactError

MOST_PER_BYTE = 2**16
"""Values of vectors, of all bytes that are left for them; far beyond any real net."""


def pack_rest(state: Mapping[str, Tensor]) -> bytes:
    """In the order of their names: integers and matrices of float32 raw, then all vectors of float32 coded.

    Raises:
        ArtifactError: a tensor is of another type.
    """
    tensors = [tensor.detach().cpu().contiguous() for _, tensor in sorted(state.items())]
    plain = b"".join(_raw(tensor) for tensor in tensors if not _is_vector(tensor))
    return plain + pack_floats([tensor.reshape(-1).numpy() for tensor in tensors if _is_vector(tensor)])


def unpack_rest(data: bytes, like: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The tensors with these names, shapes and types.

    Raises:
        ArtifactError: they are not what these bytes hold.
    """
    reader, names = Reader(data), sorted(like)
    vectors = [like[name] for name in names if _is_vector(like[name])]
    plain = {name: _read_raw(reader, like[name]) for name in names if not _is_vector(like[name])}
    coded = reader.rest()
    found = unpack_floats(coded, [tensor.numel() for tensor in vectors])
    if pack_floats(found) != coded:
        raise ArtifactError("the net it names has fewer weights than the file")
    filled = iter(found)
    return {name: plain[name] if name in plain else _like(next(filled), like[name]) for name in names}


def check_rest(data: bytes, like: Mapping[str, Tensor]) -> None:
    """Complain of tensors that so few bytes cannot hold, before there is memory for them.

    Raises:
        ArtifactError: see above.
    """
    plain = sum(tensor.numel() * (4 if tensor.is_floating_point() else 1) for tensor in like.values() if not _is_vector(tensor))
    coded = sum(tensor.numel() for tensor in like.values() if _is_vector(tensor))
    if plain > len(data) or coded > MOST_PER_BYTE * (1 + len(data) - plain):
        raise ArtifactError("the net it names has more weights than the file")


def _is_vector(tensor: Tensor) -> bool:
    return tensor.ndim < 2 and tensor.dtype == torch.float32


def _raw(tensor: Tensor) -> bytes:
    if tensor.dtype == torch.float32:
        return tensor.numpy().astype("<f4").tobytes()
    if tensor.is_floating_point() or tensor.is_complex():
        raise ArtifactError(f"a tensor of {tensor.dtype} cannot be written: only float32 and integers can")
    return varints(zigzag(value) for value in tensor.reshape(-1).tolist())


def _read_raw(reader: Reader, like: Tensor) -> Tensor:
    if like.is_floating_point():
        return _like(np.frombuffer(reader.take(4 * like.numel()), "<f4").copy(), like)
    values = [unzigzag(reader.varint()) for _ in range(like.numel())]
    return torch.tensor(values, dtype=like.dtype).reshape(like.shape)


def _like(values: np.ndarray, like: Tensor) -> Tensor:
    return torch.from_numpy(values).reshape(like.shape)
